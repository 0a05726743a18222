"""Settings: every way in which the environment or .env can be wrong is one sentence without a secret."""

import os
import re
import stat
from pathlib import Path

import pytest

from bot.errors import SetupError
from bot.settings import Settings, StorageSettings, load

ROOT = Path(__file__).parent.parent
TOKEN, KEY = "token.of.a-bot", "key-of-a-project"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no setting of this machine in the way, and no .env."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def default_text(value: object) -> str:
    """Return how a default is written down."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def complaint() -> str:
    with pytest.raises(SetupError) as caught:
        load(Settings)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert caught.value.__cause__ is None
    return sentence


@pytest.mark.usefixtures("secrets")
def test_two_secrets_are_enough() -> None:
    settings = load(Settings)
    assert settings.discord_token.get_secret_value() == TOKEN
    assert (settings.live_model, settings.turns, settings.rate_path) == (
        "gemini-3.8-live",
        "discord",
        "native",
    )
    assert set(settings.secrets()) == {TOKEN, KEY}


def test_what_is_missing_is_named_with_where_to_get_it() -> None:
    sentence = complaint()
    assert "DISCORD_TOKEN and GEMINI_API_KEY are not set" in sentence
    assert "https://discord.com/developers/applications" in sentence


def test_an_empty_value_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("GEMINI_API_KEY", "")
    assert complaint().startswith("GEMINI_API_KEY is not set")


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DISCORD_TOKEN", "Bot something"),
        ("GEMINI_API_KEY", "a\nb"),
        ("GEMINI_API_KEY", "  "),
        ("GEMINI_PAID", "maybe"),
        ("TURNS", "later"),
        ("RATE_PATH", "soxr"),
        ("DISCORD_PROXY", "proxy:3128"),
        ("DISCORD_PROXY", "http://host:99999999"),
        ("GOOGLE_GEMINI_BASE_URL", "http://example.org"),
        ("SSL_CERT_FILE", "nowhere.pem"),
        ("SSL_CERT_FILE", str(Path(__file__))),
        ("DATABASE_URL", "earshot.db"),
        ("DATABASE_URL", "postgresql+asyncpg://host/db"),
        ("DATABASE_URL", "sqlite+aiosqlite://"),
        ("DATABASE_URL", "sqlite+aiosqlite:///:memory:"),
        ("METRICS_PORT", "70000"),
        ("METRICS_PORT", "http"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_value_is_named_and_not_quoted_if_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    sentence = complaint()
    assert sentence.startswith(f"{name} can't be used: ")
    if name in {"DISCORD_TOKEN", "GEMINI_API_KEY"}:
        assert value.strip() not in sentence or not value.strip()


def test_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    # With the mark that a Windows editor puts first.
    Path(".env").write_text(f"DISCORD_TOKEN={TOKEN}\nGEMINI_API_KEY=old\n", encoding="utf-8-sig")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    settings = load(Settings)
    assert set(settings.secrets()) == {TOKEN, KEY}


def test_env_file_that_is_a_folder() -> None:
    Path(".env").mkdir()
    assert complaint().startswith(".env can't be read")


def test_env_file_that_is_a_dangling_link() -> None:
    Path(".env").symlink_to("nowhere")
    assert complaint().startswith(".env can't be read")


def test_env_file_without_permission() -> None:
    path = Path(".env")
    path.write_text(f"DISCORD_TOKEN={TOKEN}\n", encoding="utf-8")
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        assert complaint().startswith(".env can't be read (Permission denied)")
    else:
        pytest.skip("this user may read everything")
    finally:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_env_file_in_another_encoding() -> None:
    Path(".env").write_text(f"DISCORD_TOKEN={TOKEN}\n", encoding="utf-16")
    assert complaint() == ".env is not UTF-8 text: save it again as UTF-8."


def test_env_file_with_a_line_that_is_no_setting() -> None:
    Path(".env").write_text(f"DISCORD_TOKEN={TOKEN}\n'oops\n", encoding="utf-8")
    assert complaint() == ".env is not understood in line 2: write NAME=value there."


def test_commands_that_talk_to_nobody_need_no_secrets() -> None:
    assert load(StorageSettings).database_url == "sqlite+aiosqlite:///earshot.db"


@pytest.mark.usefixtures("secrets")
def test_the_proxys_password_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_PROXY", "http://user:hidden@proxy.example:3128")
    assert "hidden" in load(Settings).secrets()


def test_export_hands_on_what_libraries_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set and removed by monkeypatch, so that the export does not outlive the test.
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "x")
    monkeypatch.delenv("GOOGLE_GEMINI_BASE_URL")
    Path(".env").write_text(
        f"DISCORD_TOKEN={TOKEN}\nGEMINI_API_KEY={KEY}\nGOOGLE_GEMINI_BASE_URL=https://rig.example\n",
        encoding="utf-8",
    )
    load(Settings).export()
    assert os.environ["GOOGLE_GEMINI_BASE_URL"] == "https://rig.example"


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "GOOGLE_GEMINI_BASE_URL"])
def test_export_keeps_what_is_empty_from_libraries(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")  # as `docker run --env-file` hands on a line of .env.example
    load(Settings).export()
    assert name not in os.environ


def test_the_example_has_each_setting_with_its_default_and_a_comment() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in text.split("\n\n")[1:]]
    shown: dict[str, str] = {}
    for block in blocks:
        assert block[0].startswith("# "), f"no comment over {block}"
        for line in block:
            if not line.startswith("#"):
                name, value = line.split("=", 1)
                shown[name] = value
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = None if field.is_required() else field.get_default()
        assert shown[name.upper()] == default_text(default), name


def test_the_example_is_a_valid_env_file() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    filled = re.sub("^(DISCORD_TOKEN|GEMINI_API_KEY)=$", r"\1=a.b.c", text, flags=re.MULTILINE)
    Path(".env").write_text(filled, encoding="utf-8")
    assert load(Settings).metrics_port == 0


def test_the_readme_has_each_setting_with_its_default() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) ?\|", text, flags=re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{default_text(field.get_default())}`"
        assert rows[name.upper()].removesuffix(" (off)") == ("" if default == "``" else default), name
