"""One tree of errors; the message of each is what a person reads: what happened, and what to do."""


class EarshotError(Exception):
    """The root: str() of it is one sentence fit for a user or an operator."""


class SetupError(EarshotError):
    """The program can't start as it is set up; the process says why and exits with code 2."""


def reason_of(error: BaseException) -> str:
    """Say in a few words why something failed, fit for a log: no proxy's password is in it."""
    # Whoever raised it has loaded aiohttp; who logs before that must not, since it reads SSL_CERT_FILE then.
    if type(error).__module__.startswith("aiohttp."):
        from aiohttp import ClientHttpProxyError

        if isinstance(error, ClientHttpProxyError):
            # Its own text quotes the proxy's address, password included.
            return f"the proxy answered {error.status} {error.message}"
    return str(error) or type(error).__name__
