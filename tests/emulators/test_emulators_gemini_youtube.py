"""Videos on YouTube by their links: measured as the films that they lead to, or refused."""

import pytest
from gemini_rest_rig import KIT, ask, client_of, part, tone
from google.genai import errors, types

from bot.emulators.gemini.media_facts import Clip
from bot.emulators.gemini.rest_youtube import MOST_VIDEOS, video_id
from bot.emulators.gemini.server import GeminiEmulator

BUNNY = "dQw4w9WgXcQ"
LINK = f"https://www.youtube.com/watch?v={BUNNY}"


def video(uri: str = LINK, **metadata: object) -> types.Part:
    clip = types.VideoMetadata.model_validate(metadata) if metadata else None
    return types.Part(file_data=types.FileData(file_uri=uri), video_metadata=clip)


@pytest.fixture
def gemini(gemini_emulator: GeminiEmulator) -> GeminiEmulator:
    gemini_emulator.youtube[BUNNY] = (KIT / "video-bunny.mp4").read_bytes()
    return gemini_emulator


@pytest.mark.parametrize(
    "uri",
    [
        LINK,
        f"https://youtu.be/{BUNNY}?t=3",
        f"https://m.youtube.com/watch?app=x&v={BUNNY}&t=1s",
        f"https://youtube.com/shorts/{BUNNY}",
        f"https://www.youtube.com/live/{BUNNY}?feature=share",
    ],
)
async def test_a_link_is_the_film_behind_it(gemini: GeminiEmulator, uri: str) -> None:
    async with client_of(gemini) as client:
        response = await ask(client, video(uri), "Summarize")
    assert "Video 1 lasts 5.28 s: 132 frames at 25 per second, 1280 x 720 pixels" in (response.text or "")
    assert gemini.requests[0].clips == (Clip(),)


async def test_other_films_are_others(gemini: GeminiEmulator) -> None:
    gemini.youtube["another"] = KIT / "video-bunny.mp4"
    gemini.youtube["sound-only"] = tone(1.0)
    async with client_of(gemini) as client:
        response = await ask(client, video("https://youtu.be/another"), "Summarize")
        assert "132 frames" in (response.text or "")
        with pytest.raises(errors.ClientError, match="no frames"):
            await ask(client, video("https://youtu.be/sound-only"), "Summarize")


async def test_a_part_of_it_more_closely(gemini: GeminiEmulator) -> None:
    async with client_of(gemini) as client:
        part = await ask(client, video(start_offset="1s", end_offset="3s"), "12345678")
        close = await ask(client, video(start_offset="1s", end_offset="3s", fps=5), "12345678")
        for fps in (0, 25):
            with pytest.raises(errors.ClientError, match="fps"):
                await ask(client, video(fps=fps), "Summarize")
    assert "Video 1 lasts 2.00 s: 50 frames" in (part.text or "")
    assert gemini.requests[0].clips == (Clip(1.0, 3.0),)
    assert part.usage_metadata is not None
    assert close.usage_metadata is not None
    assert part.usage_metadata.prompt_token_count == 2 + 2 * 263
    assert close.usage_metadata.prompt_token_count == 2 + 2 * (5 * 231 + 32)


async def test_what_is_not_there_or_not_for_everyone(gemini: GeminiEmulator) -> None:
    gemini.youtube["private"] = None
    music = f"https://music.youtube.com/watch?v={BUNNY}"
    async with client_of(gemini) as client:
        with pytest.raises(errors.ClientError, match="caller does not have permission") as unknown:
            await ask(client, video("https://www.youtube.com/watch?v=unknown"), "Summarize")
        with pytest.raises(errors.ClientError, match="contains an invalid argument") as private:
            await ask(client, video("https://www.youtube.com/watch?v=private"), "Summarize")
        with pytest.raises(errors.ClientError, match="Cannot fetch content") as page:
            await ask(client, video(music), "Summarize")
        with pytest.raises(errors.ClientError, match="At most 10"):
            await ask(client, *[video()] * (MOST_VIDEOS + 1), "Summarize")
    assert [one.value.code for one in (unknown, private, page)] == [403, 400, 400]


async def test_it_stays_in_the_conversation(gemini: GeminiEmulator) -> None:
    turns: list[types.ContentUnion] = [
        types.UserContent(parts=[video(), part(b"one two", "text/plain"), types.Part(text="Summarize")]),
        types.ModelContent(parts=[types.Part(text="A film.")]),
        types.UserContent(parts=[part(b"three", "text/csv"), types.Part(text="How long?")]),
    ]
    async with client_of(gemini) as client:
        response = await client.aio.models.generate_content(model="gemini-3.8-flash", contents=turns)
    said = response.text or ""
    assert "Video 1 lasts 5.28 s" in said
    assert "Text 2 has 2 words in 1 line: “one two”" in said
    assert "Text 3 has 1 word in 1 line: “three”" in said


@pytest.mark.parametrize(
    "uri",
    ["https://www.youtube.com/", "https://www.youtube.com/@channel", f"https://example.com/watch?v={BUNNY}"],
)
def test_links_that_lead_to_no_video(uri: str) -> None:
    assert video_id(uri) is None
