"""The board of captions: which line stands in which message, and what is sent next."""

from talk_scene import line

from bot.conversation.captions_passage import CaptionLine, Kind
from cogs.caption_board import CaptionBoard


def posted(board: CaptionBoard) -> dict[int, str]:
    """Send all that is due, as to a Discord that never fails."""
    shown: dict[int, str] = {}
    while (post := board.next()) is not None:
        shown[post.number] = post.content
        board.shown(post)
    return shown


def test_a_late_line_is_put_between() -> None:
    board = CaptionBoard()
    board.update([line(1, "a"), line(3, "c")])
    assert posted(board) == {0: "**Ada:** a\n**Ada:** c"}
    board.update([line(4, "b", at=2.0)])
    assert posted(board) == {0: "**Ada:** a\n**Ada:** b\n**Ada:** c"}


def test_lines_flow_into_the_next_message_and_full_ones_are_forgotten() -> None:
    board = CaptionBoard()
    shown: dict[int, str] = {}
    for number in range(1, 400):
        board.update([line(number, f"{number} " + "x" * 300, final=False)])
        shown |= posted(board)
        board.update([line(number, f"{number} " + "y" * 300)])
        shown |= posted(board)
        assert len(vars(board)["_lines"]) <= 13
    words = " ".join(shown[number] for number in sorted(shown)).replace("**Ada:**", "").split()
    assert words[::2] == [str(number) for number in range(1, 400)]
    assert set(words[1::2]) == {"y" * 300}
    assert all(len(text) <= 2_000 for text in shown.values())


def test_a_message_that_has_lost_all_of_its_lines_is_blanked() -> None:
    board = CaptionBoard()
    lines = [line(number, "x" * 700, final=False, at=0.0) for number in (1, 2, 3)]
    board.update(lines)
    assert len(posted(board)) == 2
    board.update([line(2, "", at=0.0), line(3, "", at=0.0)])
    board.update([line(1, "", at=0.0)])
    assert posted(board) == {0: "-# …", 1: "-# …"}


def test_the_longest_line_of_the_worst_signs_fits_a_message() -> None:
    board = CaptionBoard()
    for signs in ("*" * 800, "\U0001f600" * 800, "@here " * 133, "<#1" * 266):
        board.update([CaptionLine(1, 0.0, Kind.PERSON, 1, "*" * 40, signs, True)])
        post = board.next()
        assert post is not None and len(post.content.encode("utf-16-le")) // 2 <= 2_000


def test_what_discord_can_not_be_given_in_time_is_left_out() -> None:
    board = CaptionBoard()
    for number in range(500):
        board.update([line(number, "x" * 700)])
    shown = posted(board)
    assert 15 <= len(shown) <= 20
    assert max(shown) - min(shown) == len(shown) - 1
