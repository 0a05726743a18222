from bot.conversation.tail import SLACK_S, TAIL_S, SilenceTail


def fed(tail: SilenceTail, start: float, end: float, step: float = 0.005) -> int:
    steps = int((end - start) / step) + 1
    return sum(tail.poll(start + i * step) for i in range(steps))


def test_silence_is_fed_in_real_time_and_then_stops() -> None:
    tail = SilenceTail()
    tail.spoke(10.0)
    assert fed(tail, 10.0, 10.0 + SLACK_S) == 0
    assert fed(tail, 10.0 + SLACK_S, 10.0 + SLACK_S + 0.5) in range(7680, 8001)
    assert fed(tail, 10.5, 60.0) <= 16_000 * TAIL_S - 7680
    assert tail.deadline() is None


def test_an_idle_minute_feeds_the_bounded_tail_and_nothing_more() -> None:
    tail = SilenceTail()
    tail.spoke(0.0)
    assert fed(tail, 0.0, 60.0) == 16_000 * TAIL_S


def test_speech_in_time_owes_no_silence() -> None:
    tail = SilenceTail()
    total = 0
    for i in range(100):
        tail.spoke(i * 0.02)
        total += tail.poll(i * 0.02 + 0.019)
    assert total == 0


def test_an_answer_stops_it() -> None:
    tail = SilenceTail()
    tail.spoke(0.0)
    fed(tail, 0.0, 0.3)
    tail.stop()
    assert tail.deadline() is None
    assert fed(tail, 0.3, 60.0) == 0


def test_what_is_left_can_be_fed_at_once() -> None:
    tail = SilenceTail()
    assert tail.rest() == 0
    tail.spoke(0.0)
    already = fed(tail, 0.0, 0.3)
    assert already + tail.rest() == 16_000 * TAIL_S
    assert tail.deadline() is None
    assert tail.rest() == 0


def test_a_sender_that_hangs_for_a_moment_owes_no_silence_within_its_sentence() -> None:
    tail = SilenceTail()
    tail.spoke(0.0)
    assert fed(tail, 0.0, 0.24) == 0
    tail.spoke(0.245)
    assert fed(tail, 0.245, 0.48) == 0
