"""What the repository says of itself: the lock fits the project, the README asks for what the code does."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.discord_client import PERMISSIONS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["test"]]
PYTHONS = ("3.11", "3.12", "3.13")

# Each package with its version, marker and hashes, as pip reads them.
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+?)(?: ; (?P<marker>.*?))? \\\n(?P<hashes>(?: {4}--hash=.*\n)+)", re.M
)

# What Discord calls them where a server's owner sees them; discord.py has two by older names.
SHOWN = {
    "read_messages": "View Channels",
    "use_voice_activation": "Use Voice Activity",
    "send_messages_in_threads": "Send Messages in Threads",
}


def locked(python: str) -> dict[str, str]:
    """Return the versions that pip installs for a version of Python."""
    pins: dict[str, str] = {}
    for pin in PIN.finditer(LOCK):
        where = {"python_version": python, "python_full_version": f"{python}.0"}
        if pin["marker"] is None or Marker(pin["marker"]).evaluate(where):
            name = canonicalize_name(pin["name"])
            assert name not in pins, f"{name} is locked twice for Python {python}"
            pins[name] = pin["version"]
    return pins


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_holds_what_the_project_asks_for(python: str) -> None:
    pins = locked(python)
    for requirement in map(Requirement, WANTED):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"


def test_the_lock_names_no_index_and_has_a_hash_for_each_package() -> None:
    assert PIN.sub("", LOCK).strip() == "", "nothing but pins with hashes"
    assert re.search(r"https?:|file:", LOCK) is None


def test_the_readme_lists_the_permissions_that_the_invite_link_asks_for() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    listed = re.search(r"the permissions ([^;.]+)", text)
    assert listed
    asked = [SHOWN.get(name, name.replace("_", " ").title()) for name, on in PERMISSIONS if on]
    assert sorted(re.split(r", | and ", listed[1])) == sorted(asked)
