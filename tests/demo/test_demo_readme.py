"""What the README says of the demo's pictures: its figures are theirs."""

import json
from pathlib import Path

import pytest
from PIL import Image

from bot.demo.plot_style import FIGURES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["timeline.png", "room.png"])
def test_the_readme_has_the_figures_of_its_pictures(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = readme.partition("## Measured")[2].partition("\n## ")[0]
    assert f"](docs/{name})" in readme
    with Image.open(ROOT / "docs" / name) as picture:
        figures = json.loads(picture.info[FIGURES])
    assert len(figures) > 3
    for figure, value in figures.items():
        assert f"| {value} |" in measured, f"{figure} is {value} in docs/{name}"
