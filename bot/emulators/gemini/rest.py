"""The REST side: the key, the models, and errors in Google's format."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.emulators.gemini.models import Catalogue

KEY_HEADER = "x-goog-api-key"


def error(status: int, name: str, message: str, details: list[dict[str, Any]] | None = None) -> web.Response:
    """Return an error as Google's APIs word it; `name` is the canonical code, such as NOT_FOUND."""
    return web.json_response(error_body(status, name, message, details), status=status)


def error_body(
    status: int, name: str, message: str, details: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the JSON of an error."""
    body: dict[str, Any] = {"code": status, "message": message, "status": name}
    if details:
        body["details"] = details
    return {"error": body}


def given_key(request: web.Request) -> str:
    """Return the key of a request, from the header or the query; empty if there is none."""
    return request.headers.get(KEY_HEADER) or request.query.get("key", "")


def key_error(request: web.Request, api_key: str) -> web.Response | None:
    """Return what a request without the right key gets, None if it has it."""
    key = given_key(request)
    if key == api_key:
        return None
    if not key:
        return error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [info])


def list_models(known: Catalogue, query: Mapping[str, str]) -> web.Response:
    """Return a page of models; the token of a page is the number of models before it."""
    try:
        start, size = int(query.get("pageToken") or 0), int(query.get("pageSize") or 50)
    except ValueError:
        return error(400, "INVALID_ARGUMENT", "The page size or token is not valid.")
    resources = [model.resource() for model in known.models.values()]
    page: dict[str, Any] = {"models": resources[start : start + size]}
    if start + size < len(resources):
        page["nextPageToken"] = str(start + size)
    return web.json_response(page)


def get_model(known: Catalogue, name: str) -> web.Response:
    """Return one model."""
    model = known.models.get(name)
    if model is None:
        return error(404, "NOT_FOUND", f"Model is not found: models/{name} for api version v1beta")
    return web.json_response(model.resource())
