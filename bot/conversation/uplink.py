"""From the channel to the model: carries out what the room decides, on the Live session.

Notes tell the model who speaks, marks (or silence, where the model finds the turns itself) where turns end.
There is no clock here: the time comes with each call, and `deadline` says when `poll` is due.
"""

from collections.abc import Callable, Iterable

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.conversation.actions import Action, Release, Speech, Take
from bot.conversation.names import Names
from bot.conversation.room import Mode, Room
from bot.conversation.tail import SilenceTail
from bot.live.session import LiveSession
from bot.voice.events import Heard, Hushed, Left

MOST_NAMED = 12  # in the note on who is in the room: beyond it a list helps nobody


class Uplink:
    """One call's way to its model."""

    def __init__(
        self,
        live: LiveSession,
        *,
        room: Room,
        name_of: Callable[[int], str | None],
        present: Callable[[], Iterable[int]],
        on_take: Callable[[int | None, float], None],
        on_speech: Callable[[frozenset[int], float], None],
        on_release: Callable[[float, float], None],
    ) -> None:
        """`name_of(user_id)` is what a person calls themselves, `present()` who is there and may be heard.

        `on_take` is told who begins to speak, None for the room as one, and when; `on_speech` whose speech
        goes to the model, and when, for each frame; `on_release` when the turn ended, and how many seconds
        of it the model was sent.
        """
        self.room = room
        self._live = live
        self._name_of = name_of
        self._present = present
        self._on_take = on_take
        self._on_speech = on_speech
        self._on_release = on_release
        self._spoken_s = 0.0  # in the turn that runs
        self._names = Names()
        self._tail = SilenceTail()
        self._told: frozenset[int] = frozenset()  # who the model was told are heard as one
        self._interposed = False  # whether something else was heard since the last turn

    # -- what people do

    def heard(self, event: Heard | Hushed | Left, now: float) -> None:
        """Take in what the voice client tells of a person."""
        match event:
            case Heard():
                self.act(self.room.heard(event))
            case Hushed(user_id, at):
                self.act(self.room.hushed(user_id, at))
            case Left(user_id):
                self.forget(user_id, now)

    def forget(self, user_id: int, now: float) -> None:
        """End the turn of a person who left or withdrew consent, and drop what waits of them here."""
        self.act(self.room.left(user_id, now))
        self._names.forget(user_id)

    # -- time

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while it has not."""
        due = [self.room.deadline(), None if self._live.marks else self._tail.deadline()]
        return min((at for at in due if at is not None), default=None)

    def poll(self, now: float) -> None:
        """Send what is due: the end of a turn, what waited for it, silence."""
        if not self._live.marks:
            self._live.send_silence(self._tail.poll(now), now)
        self.act(self.room.poll(now))

    def answered(self) -> None:
        """Feed no more silence: the model has begun to answer."""
        self._tail.stop()

    def interposed(self) -> None:
        """Take in that the model hears what is no person's turn: who speaks next is named anew."""
        self._interposed = True

    # -- what is decided

    def act(self, actions: Iterable[Action]) -> None:
        """Carry out what the room decided."""
        for action in actions:
            match action:
                case Take():
                    self._take(action)
                case Speech(speakers, pcm, at, replayed):
                    self._speak(speakers, pcm, at, replayed=replayed)
                case Release(_, at):
                    if self._live.marks:
                        self._live.activity_end()
                    self._on_release(at, self._spoken_s)

    def _take(self, take: Take) -> None:
        self._spoken_s = 0.0
        self._on_take(take.user_id, take.at)
        if take.user_id is None:
            self._tell_who_is_there()
        elif take.changed or self._told or self._interposed:
            if not self._live.marks:  # the model would take the two for one turn
                self._live.send_silence(self._tail.rest(), take.at)
            self._live.inform(self._note(take.user_id, take.unanswered))
            self._told = frozenset()
        self._interposed = False
        if self._live.marks:
            self._live.activity_start()

    def _tell_who_is_there(self) -> None:
        """Name those who are heard as one, where they are not those of the last time."""
        present = frozenset(self._present())
        if present and present != self._told:
            self._told = present
            labels = [self.label(user_id) for user_id in sorted(present)]
            self._live.inform(f"[You hear these people all at once: {_listed(labels)}.]")

    def _note(self, user_id: int, unanswered: tuple[int, ...]) -> str:
        note = f"{self.label(user_id)} is speaking now."
        if unanswered and self.room.mode is not Mode.ADDRESSED:
            note += f" {_listed([self.label(user) for user in unanswered])} had no answer from you yet."
        return f"[{note}]"

    def _speak(self, speakers: frozenset[int], pcm: Pcm16, at: float, *, replayed: bool) -> None:
        self._live.send_audio(pcm.tobytes(), at, speaker=speakers, replayed=replayed)
        self._tail.spoke(at)
        self._spoken_s += pcm.size / LIVE_IN_HZ
        self._on_speech(speakers, at)

    def label(self, user_id: int, elsewhere: str | None = None) -> str:
        """Return what the model calls a person; `elsewhere` is the name of one who may not be here."""
        name = self._name_of(user_id)
        if name is None and elsewhere is not None:
            for present in self._present():  # their names are theirs, even if they have said nothing yet
                self.label(present)
            return self._names.guest(elsewhere)
        return self._names.label(user_id, name)


def _listed(labels: list[str]) -> str:
    shown = labels[:MOST_NAMED]
    if len(labels) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(labels) - MOST_NAMED} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
