"""Search and code as they come in a stream: sources by bytes of the text, code and plots as parts."""

import io
from typing import Any

from gemini_rest_rig import FLASH, ask, client_of, part, picture
from google.genai import types
from PIL import Image

from bot.emulators.gemini.rest_grounding import SOURCES
from bot.emulators.gemini.server import GeminiEmulator

SEARCH = types.Tool(google_search=types.GoogleSearch())
CODE = types.Tool(code_execution=types.ToolCodeExecution())


async def streamed(
    gemini: GeminiEmulator, *parts: types.Part | str, **config: Any
) -> list[types.GenerateContentResponse]:
    settings = types.GenerateContentConfig.model_validate(config)
    contents: list[types.PartUnion] = [*parts]
    async with client_of(gemini) as client:
        stream = await client.aio.models.generate_content_stream(
            model=FLASH, contents=contents, config=settings
        )
        return [chunk async for chunk in stream]


def metadata_of(chunk: types.GenerateContentResponse) -> types.GroundingMetadata | None:
    assert chunk.candidates
    return chunk.candidates[0].grounding_metadata


async def test_sources_come_with_the_last_chunk(gemini_emulator: GeminiEmulator) -> None:
    chunks = await streamed(gemini_emulator, "Wer gewann 2024 in Köln? How warm is it?", tools=[SEARCH])
    assert [metadata_of(chunk) for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    found = metadata_of(chunks[-1])
    assert found is not None
    assert found.web_search_queries == ["Wer gewann 2024 in Köln?", "How warm is it?"]
    chips = (found.search_entry_point and found.search_entry_point.rendered_content) or ""
    assert chips.count('class="chip"') == 2
    assert "google.com/search?q=How+warm" in chips
    assert [one.web.title for one in found.grounding_chunks or [] if one.web] == [*SOURCES, *SOURCES]


async def test_supports_count_bytes(gemini_emulator: GeminiEmulator) -> None:
    chunks = await streamed(gemini_emulator, "Wer gewann 2024 in Köln? How warm is it?", tools=[SEARCH])
    text = "".join(chunk.text or "" for chunk in chunks).encode()
    found = metadata_of(chunks[-1])
    assert found is not None
    first, second = (one.segment for one in found.grounding_supports or [])
    assert first is not None
    assert second is not None
    assert first.start_index is None  # zero is left out
    for segment in (first, second):
        assert text[segment.start_index or 0 : segment.end_index].decode() == segment.text
    assert "Köln" in (first.text or "")
    assert "How warm" in (second.text or "")
    indices = [one.grounding_chunk_indices for one in found.grounding_supports or []]
    assert indices == [[0, 1], [2, 3]]


async def test_code_its_output_and_a_plot_are_parts_before_the_text(
    gemini_emulator: GeminiEmulator,
) -> None:
    chunks = await streamed(
        gemini_emulator, part(picture(), "image/png"), "Plot the colours of 17 * 3", tools=[CODE]
    )
    code, output, plot = (chunk.parts[0] for chunk in chunks[:3] if chunk.parts)
    assert code.executable_code is not None
    assert (code.executable_code.code, code.executable_code.language) == (
        "print(17 * 3)",
        types.Language.PYTHON,
    )
    assert output.code_execution_result is not None
    assert output.code_execution_result.output == "51\n"
    assert plot.inline_data is not None
    assert plot.inline_data.mime_type == "image/png"
    drawn = Image.open(io.BytesIO(plot.inline_data.data or b"")).convert("RGB")
    columns = [x for x in range(drawn.width) if drawn.getpixel((x, 250)) == (255, 0, 0)]
    assert len(columns) > 40  # a bar for the red box
    assert "Picture 1 is a PNG" in "".join(chunk.text or "" for chunk in chunks[3:])


async def test_uploaded_texts_are_read(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        for mime_type in ("text/plain", "text/csv", "application/json", "text/x-python"):
            file = await client.aio.files.upload(
                file=io.BytesIO(b"alpha beta\ngamma"), config=types.UploadFileConfig(mime_type=mime_type)
            )
            assert file.state is types.FileState.ACTIVE
            held = types.Part.from_uri(file_uri=file.uri or "", mime_type=mime_type)
            response = await ask(client, held, "Read")
            assert "Text 1 has 3 words in 2 lines: “alpha beta gamma”" in (response.text or "")
