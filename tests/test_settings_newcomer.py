"""Settings as newcomers get them wrong: each mistake is one sentence that says what to write instead."""

from pathlib import Path

import pytest
from bot_process import Bot

from bot.errors import SetupError
from bot.settings import Settings, StorageSettings, load, oversights

TOKEN, KEY = "token.of.a-bot", "key-of-a-project"
BOTH = f"DISCORD_TOKEN={TOKEN}\nGEMINI_API_KEY={KEY}\n"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no setting of this machine in the way, and no .env."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def env_file(text: str) -> None:
    Path(".env").write_text(text, encoding="utf-8")


def complaint() -> str:
    with pytest.raises(SetupError) as caught:
        load(Settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        ("GEMINI_KEY", "GEMINI_API_KEY"),
        ("DISCORD_TOKN", "DISCORD_TOKEN"),
        ("discord_bot_token", "DISCORD_TOKEN"),
        ("BOT_TOKEN", "DISCORD_TOKEN"),
    ],
)
def test_a_secret_under_another_name_is_found(written: str, meant: str) -> None:
    lines = {"DISCORD_TOKEN": TOKEN, "GEMINI_API_KEY": KEY}
    env_file("".join(f"{written if name == meant else name}={value}\n" for name, value in lines.items()))
    sentence = complaint()
    assert sentence.startswith(f"{meant} is not set: ")
    assert sentence.endswith(
        f"put it into .env or the environment; .env has {written}, which is no setting: "
        f"call it {meant} if you meant that."
    )
    assert TOKEN not in sentence
    assert KEY not in sentence


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("METRIC_PORT=9100", ": did you mean METRICS_PORT?"),
        ("LOGLEVEL=DEBUG", ": did you mean LOG_LEVEL?"),
        ("export GOOGLE_GEMINI_BASEURL=https://a", ": did you mean GOOGLE_GEMINI_BASE_URL?"),
        ("FAVOURITE_COLOUR=blue", "; .env.example has what there is."),
        # It was not meant: the setting has its value.
        ("DISCORD_TOKEN_OLD=a", "; .env.example has what there is."),
    ],
)
def test_a_name_that_is_no_setting_is_told(line: str, advice: str) -> None:
    env_file(f"{BOTH}{line}\n")
    assert load(Settings).metrics_port == 0
    name = line.removeprefix("export ").partition("=")[0]
    assert list(oversights()) == [f".env has {name}, which is no setting and does nothing{advice}"]


def test_what_others_read_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = ("HTTPS_PROXY", "TZ", "GOOGLE_GENAI_USE_VERTEXAI", "OF_THE_HOST")
    names = (*exported, "gemini_paid", "COMPOSE_PROJECT_NAME", "DOCKER_HOST")
    for name in exported:
        monkeypatch.setenv(name, "whatever put it there knows it")
    monkeypatch.setenv("LOGLEVEL", "only what stands in the file counts")
    env_file(BOTH + "".join(f"{name}=true\n" for name in names))
    load(Settings)
    assert list(oversights()) == []


def test_what_only_stands_in_the_file_does_nothing_for_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    env_file(f"{BOTH}GOOGLE_GENAI_USE_VERTEXAI=true\nHTTPS_PROXY=http://a\n")
    load(Settings)
    assert [sentence.split()[2] for sentence in oversights()] == [
        "GOOGLE_GENAI_USE_VERTEXAI,",
        "HTTPS_PROXY,",
    ]


@pytest.mark.parametrize("line", ["aBc-123.def.ghi", "AIzaBareKey", "DISCORD_TOKEN:abc.def.ghi"])
def test_a_line_that_may_be_a_secret_is_not_repeated(line: str) -> None:
    env_file(f"# mine\n{BOTH}{line}\n")
    assert complaint() == ".env is not understood in line 4: write NAME=value there."


def test_without_a_file_there_is_nothing_to_tell() -> None:
    assert list(oversights()) == []


async def test_it_is_told_when_the_program_starts(tmp_path: Path) -> None:
    env_file("DATABASE_URI=sqlite+aiosqlite:///other.db\n")
    result = await Bot(tmp_path, {}).run("migrate")
    assert result.code == 0
    assert "did you mean DATABASE_URL?" in " ".join(result.out.split())


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("GEMINI_PAID=maybe", "GEMINI_PAID can't be used: write true or false."),
        (
            "METRICS_PORT=http",
            "METRICS_PORT can't be used: write a port's number, 1 to 65535, or 0 for none.",
        ),
        (
            "METRICS_PORT=70000",
            "METRICS_PORT can't be used: write a port's number, 1 to 65535, or 0 for none.",
        ),
        ("TURNS=later", "TURNS can't be used: write discord or model."),
        ("LOG_LEVEL=LOUD", "LOG_LEVEL can't be used: write DEBUG, INFO, WARNING or ERROR."),
    ],
)
def test_a_value_of_a_wrong_form_says_what_to_write(line: str, sentence: str) -> None:
    env_file(f"{BOTH}{line}\n")
    assert complaint() == sentence


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (f"Bot {TOKEN}", 'leave out the word "Bot" before the token'),
        ("1180523482837127188", "that is an application's id, no token; choose Bot, then Reset Token, at "),
        (
            "q4Hs-2bXnE0yVd_lR7uJt5Kw9ZcF3aGo",
            "a bot's token has two dots in it, and this has not; choose Bot",
        ),
        (f'"{TOKEN}"', "it stands in quotation marks; leave them out"),
        (f"{TOKEN}'", "it stands in quotation marks; leave them out"),
        ("token.of a-bot.x", "it holds spaces or characters that no token or key has; copy it again"),
    ],
)
def test_what_is_no_token_is_known_before_discord_refuses_it(
    monkeypatch: pytest.MonkeyPatch, value: str, wrong: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", value)  # as `docker run --env-file` does, which keeps quotation marks
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    sentence = complaint()
    assert sentence.startswith(f"DISCORD_TOKEN can't be used: {wrong}")
    assert value not in sentence


def test_a_key_in_quotation_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("GEMINI_API_KEY", f'"{KEY}"')
    assert complaint() == "GEMINI_API_KEY can't be used: it stands in quotation marks; leave them out."


def test_blanks_around_a_token_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", f" {TOKEN}\n")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert load(Settings).discord_token.get_secret_value() == TOKEN


@pytest.mark.parametrize(("there", "it"), [("", "them"), (f"DISCORD_TOKEN={TOKEN}\n", "it")])
def test_one_missing_value_is_put_in_and_two_are(there: str, it: str) -> None:
    env_file(there)
    assert complaint().endswith(f", and put {it} into .env or the environment.")


def test_commands_that_need_no_token_do_not_look_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "no token")
    assert load(StorageSettings).log_level == "INFO"
