"""What people post and models write, fuzzed for some seconds; `make fuzz` does it for minutes."""

import pytest
from fuzz_answers import ModelJson, Words
from fuzz_engine import Target, fuzz
from fuzz_files import Files, recordings


@pytest.mark.filterwarnings("ignore")  # Pillow's, of files that are broken
@pytest.mark.parametrize(
    ("make", "count", "reached"),
    [
        (Files, 300, ("a sentence", "PNG", "JPEG", "GIF", "text", "mov", "wav", "PDF, read")),
        (ModelJson, 300, ("shown", "sent back", "files")),
        (Words, 200, ()),
    ],
    ids=["files", "models' JSON", "Markdown and names"],
)
def test_whatever_it_is_people_read_a_sentence_or_an_answer(
    make: type[Target], count: int, reached: tuple[str, ...]
) -> None:
    outcome = fuzz(make, count, "ci")
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
    assert not [name for name in reached if not outcome.tally.get(name)]


def test_there_is_something_of_each_container_to_break() -> None:
    assert len(recordings()) >= 10
