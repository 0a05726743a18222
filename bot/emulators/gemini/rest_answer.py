"""Answering a request from what was measured: the parts in order, the reason for their end, and the bill."""

import json
from dataclasses import dataclass
from typing import Any

from bot.emulators.gemini.media_facts import Facts, words_of
from bot.emulators.gemini.rest_code import run_code
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_faults import BlockAnswer, RestEffect, Spoil
from bot.emulators.gemini.rest_findings import Findings
from bot.emulators.gemini.rest_grounding import ground, queries_of, searched
from bot.emulators.gemini.rest_request import GenerateRequest
from bot.emulators.gemini.rest_schema import fill, spoil
from bot.emulators.gemini.rest_tokens import LETTERS, by_modality, media_tokens, text_tokens
from bot.emulators.gemini.rest_words import asked, describe

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a model says to one request."""

    thought: str
    """Shown only where that was asked for; billed in any case."""
    shows_thought: bool
    parts: tuple[Json, ...]
    """Code, what it printed, and pictures that it drew: they come before the text."""
    text: str
    finish: str
    """STOP, MAX_TOKENS or SAFETY."""
    grounding: Json | None
    prompt_tokens: dict[str, int]
    """By modality."""

    def pieces(self, words: int) -> list[list[Json]]:
        """Return the parts of each chunk of a stream; a chunk holds at most so many words of text."""
        thought = [[{"text": self.thought, "thought": True}]] if self.shows_thought else []
        return thought + [[part] for part in self.parts] + [[{"text": one}] for one in _cut(self.text, words)]

    @property
    def all_parts(self) -> list[Json]:
        """Every part, in one answer."""
        thought = [{"text": self.thought, "thought": True}] if self.shows_thought else []
        return thought + list(self.parts) + ([{"text": self.text}] if self.text else [])

    def usage(self, said: str) -> Json:
        """Return the bill when so much of the text has been said."""
        return bill(
            self.prompt_tokens, text_tokens(len(said)) + self._code_tokens, text_tokens(len(self.thought))
        )

    @property
    def _code_tokens(self) -> int:
        return sum(text_tokens(len(json.dumps(part))) for part in self.parts if "inlineData" not in part)


def bill(prompt: dict[str, int], output: int, thought: int) -> Json:
    """Return usageMetadata."""
    usage: Json = {
        "promptTokenCount": sum(prompt.values()),
        "candidatesTokenCount": output,
        "totalTokenCount": sum(prompt.values()) + output + thought,
        "promptTokensDetails": details(prompt),
    }
    return usage | ({"thoughtsTokenCount": thought} if thought else {})


def details(tokens: dict[str, int]) -> list[Json]:
    """Return tokens by modality, as the API lists them."""
    return [{"modality": name, "tokenCount": count} for name, count in tokens.items()]


def prompt_tokens(request: GenerateRequest, facts: tuple[Facts, ...]) -> dict[str, int]:
    """Return the tokens of a request, by modality."""
    counted = [("TEXT", text_tokens(request.characters))]
    for media, one in zip(request.media, facts, strict=True):
        counted.append(media_tokens(one, media.resolution or request.config.resolution, media.fps))
    return by_modality(counted)


def compose(request: GenerateRequest, facts: tuple[Facts, ...], effects: list[RestEffect]) -> Answer:
    """Return the answer to a request; raise RestError for a schema that can't be met."""
    config = request.config
    parts = tuple(run_code(request.prompt, facts)) if "codeExecution" in request.tools else ()
    text = _json(request, facts, effects) if config.json else _prose(request, facts)
    thought = (
        f"I measured {len(facts)} media and read {words_of(request.prompt)} words." if config.thinks else ""
    )
    text, finish = _limited(text, request, text_tokens(len(thought)))
    blocked = next((effect for effect in effects if isinstance(effect, BlockAnswer)), None)
    if blocked is not None:
        text, finish = text[: len(text) // 2], blocked.reason
    return Answer(
        thought=thought,
        shows_thought=config.shows_thoughts,
        parts=parts,
        text=text,
        finish=finish,
        grounding=ground(queries_of(request.prompt), text) if "googleSearch" in request.tools else None,
        prompt_tokens=prompt_tokens(request, facts),
    )


def _prose(request: GenerateRequest, facts: tuple[Facts, ...]) -> str:
    paragraphs = [describe(index, one) for index, one in enumerate(facts, start=1)]
    paragraphs.append(asked(request.prompt, request.history, request.system))
    if "googleSearch" in request.tools:
        paragraphs.insert(0, searched(queries_of(request.prompt)))
    return "\n\n".join(paragraphs)


def _json(request: GenerateRequest, facts: tuple[Facts, ...], effects: list[RestEffect]) -> str:
    sentences = [describe(index, one) for index, one in enumerate(facts, start=1)]
    sentences.append(asked(request.prompt, request.history, request.system))
    findings = Findings(facts, request.prompt, tuple(sentences))
    schema = request.config.schema
    if schema is None:
        value: Any = findings.all.values
    else:
        value = fill(schema, findings)
        value = spoil(value, schema) if Spoil() in effects else value
    return json.dumps(value, ensure_ascii=False)


def _limited(text: str, request: GenerateRequest, thought: int) -> tuple[str, str]:
    """Return what may be said of a text, and why it ends."""
    ends = [at for stop in request.config.stops if (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    left = max(0, request.config.max_output_tokens - thought)
    if text_tokens(len(text)) <= left:
        return text, "STOP"
    return text[: left * LETTERS], "MAX_TOKENS"


def _cut(text: str, words: int) -> list[str]:
    """Return a text in pieces of at most so many words, which give it again when joined."""
    pieces, start, seen = [], 0, 0
    for index, letter in enumerate(text):
        if letter.isspace() and index and not text[index - 1].isspace():
            seen += 1
            if seen == words:
                pieces.append(text[start:index])
                start, seen = index, 0
    return [*pieces, text[start:]] if text[start:] else pieces


def check_input(tokens: dict[str, int], limit: int | None) -> None:
    """Raise RestError for more than the model takes."""
    count = sum(tokens.values())
    if limit is not None and count > limit:
        raise RestError(
            400, f"The input token count ({count}) exceeds the maximum number of tokens allowed ({limit})."
        )
