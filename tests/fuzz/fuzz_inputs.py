"""Valid inputs made invalid: bytes and JSON, mutated so that most of them still look right."""

import json
from random import Random
from typing import Any

# The edges of what fields of 1, 2, 4 and 8 bytes hold.
_EDGES = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0\0",
    b"\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff" * 4,
    b"\xff" * 8,
)
_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 255, 256, 65_535, 65_536, 2**31, 2**32 - 1, 2**32, 2**53, 2**63, 2**64,
    10**30, 10**400, -(2**63), 0.0, -0.5, 1.5, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
    "", " ", "0", "-1", "7", "1e999", "nan", "null", "a" * 5_000, "\0", "\ud800", "\u202e\u200b", "😀" * 40,
    "९", "@everyone", "../../etc/passwd", "%s%n{0}", [], {}, [[]], [None], {"": None}, [1, "2", [3]],
)  # fmt: skip


def rubbish(dice: Random, most: int) -> bytes:
    """Return up to `most` random bytes, short ones rather than long ones."""
    return dice.randbytes(int(most * dice.random() ** 3))


def mangled(data: bytes, dice: Random) -> bytes:
    """Return the bytes with some of them changed, added or gone."""
    made = bytearray(data)
    for _ in range(1 + int(5 * dice.random() ** 3)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(9):
            case 0 | 1 if at < len(made):
                made[at] ^= 1 << dice.randrange(8)
            case 2 if at < len(made):
                made[at] = dice.randrange(256)
            case 3:
                edge = dice.choice(_EDGES)
                made[at : at + len(edge)] = edge
            case 4:
                del made[at : at + 1 + dice.randrange(8)]
            case 5:
                made[at:at] = rubbish(dice, 40)
            case 6:
                del made[at:]
            case 7:
                made += rubbish(dice, 300)
            case 8:
                made[at:at] = made[at : at + 1 + dice.randrange(64)]
    return bytes(made)


def odd(dice: Random) -> Any:
    """Return a value of any type, at an edge of it."""
    if dice.random() < 0.05:
        value: Any = dice.choice(_ODD)
        for _ in range(dice.choice((3, 50, 400))):
            value = [value] if dice.random() < 0.5 else {dice.choice(("a", "parts", "d", "0")): value}
        return value
    return dice.choice(_ODD)


def warped(value: Any, dice: Random) -> Any:
    """Return JSON of which one part is something else, gone, twice there, or under another name."""
    return _with(value, dice.choice(_paths(value)), dice)


def _paths(value: Any) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = [()]
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:8])
    for key, each in items:
        found += [(key, *rest) for rest in _paths(each)]
    return found


def _with(value: Any, path: tuple[str | int, ...], dice: Random) -> Any:
    if not path:
        return odd(dice)
    key, rest = path[0], path[1:]
    made: Any = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        made[key] = _with(value[key], rest, dice)
        return made
    match dice.randrange(8):
        case 0:
            del made[key]
        case 1 if isinstance(made, dict):
            made[dice.choice((f"{key}s", str(key).upper(), f" {key}", "unknown", _snake(str(key))))] = (
                made.pop(key)
            )
        case 1:
            made *= dice.randrange(4)
        case 2:
            made[key] = [made[key]]
        case 3:
            made[key] = str(made[key])
        case _:
            made[key] = odd(dice)
    return made


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def encoded(value: Any, dice: Random) -> bytes:
    """Return JSON text, in the forms that JSON may have and some that it may not."""
    text = json.dumps(value, ensure_ascii=dice.random() < 0.7, separators=(",", ":"))
    data = text.encode("utf-8", "surrogatepass")
    chance = dice.random()
    if chance < 0.05:
        return mangled(data, dice)
    if chance < 0.055:
        depth = dice.choice((500, 5_000, 100_000))
        return dice.choice((b"[", b'{"a":')) * depth + data
    if chance < 0.06:
        return data.replace(b":", b":" + b"9" * dice.choice((30, 5_000)), 1)
    return data
