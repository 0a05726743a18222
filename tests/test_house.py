"""The house keeps its order: who may import whom, as the design says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("bot", "cogs", "migrations") for path in (ROOT / folder).rglob("*.py"))

# Each area and the areas of the program that it may know, beside itself and what all but the emulators share:
# those stand in for other people's programs.
SHARED = {"bot.errors", "bot.latency", "bot.tasks"}
MAY_KNOW: dict[str, set[str]] = {
    "bot.audio": set(),
    "bot.voice": {"bot.audio"},
    "bot.live": {"bot.audio"},
    "bot.conversation": {"bot.audio", "bot.voice", "bot.live"},
    "bot.media": {"bot.storage"},
    "bot.tools": {"bot.conversation", "bot.live", "bot.media", "bot.storage", "bot.text"},
    "bot.storage": set(),
    "bot.text": set(),
    "bot.web": set(),
    "bot.emulators": {"bot.audio"},
    "cogs": {"bot.conversation", "bot.media", "bot.storage", "bot.text", "bot.tools"},
    "migrations": set(),
}
# What stands over the areas, and may put them together.
KNOWS_EMULATORS = {"bot.__main__", "bot.demo"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Yield the program's own modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "bot":
                names = [f"bot.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in {"bot", "cogs", "migrations"})


def within(module: str, area: str) -> bool:
    return module == area or module.startswith(f"{area}.")


def area_of(module: str) -> str | None:
    return next((area for area in MAY_KNOW if within(module, area)), None)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    module = module_of(path)
    area = area_of(module)
    for imported in imports_of(path):
        target = area_of(imported)
        if target == "bot.emulators" and area != "bot.emulators":
            assert any(within(module, allowed) for allowed in KNOWS_EMULATORS), f"{module} knows {imported}"
        if area is None or target == area:
            continue
        shared = imported in SHARED and area != "bot.emulators"
        assert shared or target in MAY_KNOW[area], f"{module} may not import {imported}"


def test_every_file_of_an_area_is_looked_at() -> None:
    assert {area for path in SOURCES if (area := area_of(module_of(path)))} == set(MAY_KNOW)
