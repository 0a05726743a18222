"""Code execution: arithmetic in Python, from the question or on what was measured, really carried out."""

import ast
import base64
import io
import operator
import re
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from bot.emulators.gemini.media_facts import (
    Colour,
    DocumentFacts,
    Facts,
    PictureFacts,
    SoundFacts,
    VideoFacts,
    words_of,
)

_NUMBER = r"\(*\s*\d{1,15}(?:\.\d{1,15})?\s*\)*"
_EXPRESSION = re.compile(rf"{_NUMBER}(?:\s*(?:\*\*|[-+*/%])\s*{_NUMBER}){{1,20}}")
_PLOT = re.compile(r"\b(plot|chart|graph|diagram)", re.IGNORECASE)
_BAR, _EDGE, _TALL = 80, 24, 300  # pixels of a plot: a bar with its gaps, the margin, the height
_LARGEST = 1e15  # no power grows beyond a number that floats hold exactly

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def run_code(prompt: str, facts: tuple[Facts, ...]) -> list[dict[str, Any]]:
    """Return the parts of an answer that hold code, what it printed, and the plot if one was asked for."""
    expression = _asked(prompt) or _measured(facts) or str(words_of(prompt))
    try:
        outcome, output = "OUTCOME_OK", f"{calculate(expression)}\n"
    except (ArithmeticError, ValueError) as failed:
        outcome, output = "OUTCOME_FAILED", f"{type(failed).__name__}: {failed}"
    parts: list[dict[str, Any]] = [
        {"executableCode": {"language": "PYTHON", "code": f"print({expression})"}},
        {"codeExecutionResult": {"outcome": outcome, "output": output}},
    ]
    if _PLOT.search(prompt):
        data = base64.b64encode(_bars(facts)).decode()
        parts.append({"inlineData": {"mimeType": "image/png", "data": data}})
    return parts


def calculate(expression: str) -> float:
    """Return the value of numbers, brackets and + - * / % **; raise ValueError or ArithmeticError."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError:
        raise ValueError("invalid syntax") from None
    return _value(tree.body)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            first, second = _value(left), _value(right)
            if isinstance(op, ast.Pow) and abs(first) > 1 and abs(first) ** min(abs(second), 64.0) > _LARGEST:
                raise OverflowError("the result is too large")
            result: float = _OPERATORS[type(op)](first, second)
            if isinstance(result, complex) or abs(result) > _LARGEST**2:
                raise OverflowError("the result is no number of a usual size")
            return result
        case _:
            raise ValueError("only arithmetic is allowed")


def _asked(prompt: str) -> str | None:
    """Return the first arithmetic expression in a question."""
    for found in _EXPRESSION.finditer(prompt):
        try:
            ast.parse(found[0].strip(), mode="eval")
        except SyntaxError:
            continue  # brackets that do not match
        return found[0].strip()
    return None


def _measured(facts: tuple[Facts, ...]) -> str | None:
    """Return an expression on numbers that were measured."""
    match next(iter(facts), None):
        case PictureFacts(width=width, height=height):
            return f"{width} * {height}"
        case VideoFacts(frames=frames, duration_s=duration_s):
            return f"{frames} / {duration_s}"
        case SoundFacts(duration_s=duration_s, sample_rate_hz=rate_hz):
            return f"{duration_s} * {rate_hz}"
        case DocumentFacts(pages=pages):
            return " + ".join(str(words_of(page)) for page in pages[:100])
        case _:
            return None


def _bars(facts: tuple[Facts, ...]) -> bytes:
    """Return a PNG with a bar for each colour that was measured, as high as its share, with both written."""
    colours: list[Colour] = [
        colour for one in facts if isinstance(one, PictureFacts | VideoFacts) for colour in one.colours
    ]
    image = Image.new("RGB", (max(3, len(colours)) * _BAR + 2 * _EDGE, _TALL), "white")
    draw = ImageDraw.Draw(image)
    font, ground = ImageFont.load_default(15), _TALL - 2 * _EDGE
    for index, colour in enumerate(colours):
        left = _EDGE + index * _BAR
        top = ground - (ground - 2 * _EDGE) * colour.share
        draw.rectangle((left + 8, top, left + _BAR - 8, ground), fill=colour.name, outline="dimgrey")
        draw.text((left + _BAR / 2, top - 6), f"{colour.share:.0%}", fill="black", font=font, anchor="ms")
        draw.text((left + _BAR / 2, ground + 8), colour.name, fill="black", font=font, anchor="mt")
    draw.line((_EDGE, ground, image.width - _EDGE, ground), fill="dimgrey")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
