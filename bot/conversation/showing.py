"""Lets the model see what people show: a picture at once, a video in a moment of quiet, second by second.

Where turns are marked, a video is one turn, and its end is answered. Where the model finds the turns itself,
pauses in the video's sound end turns for it, so what it says meanwhile is not played; and where nothing in
the video sounds like speech, no turn ends at all: so it is asked for its answer when none has begun.

While the process has no time for them, pictures and seconds of a video wait.

There is no clock here: the time comes with each call, and `deadline` says when `poll` is due.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.audio.pcm import LIVE_IN_HZ
from bot.conversation import showing_notes as notes
from bot.conversation.overload import Load, Overload
from bot.conversation.sights import KEPT, SECOND_BYTES, Clip, Reel, ShowError, Sight, Sights
from bot.conversation.tail import TAIL_S
from bot.live.events import AnswerEnded, LiveEvent, Ready
from bot.live.session import LiveSession

FEED_S = 0.1  # between seconds of a video: ten times as fast as it plays, and still a stream of frames
# A picture and a second of sound may wait to be sent, no more: who speaks is not to wait behind a video on a
# slow line, and while the connection is lost the video stands still.
BACKLOG = 2
HELD_S = 5.0  # at most, while the process has no time: who shows a picture soon speaks of it
NUDGE_S = 3.0  # after a video's last sound: the model's detection takes a second, its answer another

_BUSY = "I have no time to look at more pictures just now: show me this again in a few seconds."


@dataclass(frozen=True, slots=True)
class Asked:
    """The model is asked for an answer about a video."""

    asker: int | None
    """Who wrote a question about it."""


@dataclass(frozen=True, slots=True)
class Viewers:
    """Who is told of what the bot looks at; each is told with the time."""

    noted: Callable[[str, float], None]
    """What it looked at, as words that follow its name."""
    sound_began: Callable[[str, float], None]
    """The sound of a video of this title is heard by the model."""
    sound_over: Callable[[float, float], None]
    """It is over; so many seconds of it were heard."""


class Showing:
    """One call's pictures and videos on their way to the model."""

    def __init__(
        self,
        live: LiveSession,
        *,
        label: Callable[[int, str | None], str],
        viewers: Viewers,
        overload: Overload | None = None,
    ) -> None:
        """`label(user_id, name)` is what the model calls a person, `name` that of one who may be elsewhere.

        `overload` tells when pictures wait.
        """
        self.overload = overload or Overload()
        self._held: deque[tuple[Sight, ...]] = deque()  # pictures that wait, as they were shown
        self._held_since = 0.0
        self._look_at: float | None = None  # whether they are still to wait
        self.sights = Sights()
        self._live = live
        self._label = label
        self._viewers = viewers
        self._was_ready = False
        self._unsettled: list[Sight] = []  # shown since the model's last turn, so in no state to be resumed
        self._reel: Reel | None = None
        self._marked = False  # whether the video is a marked turn
        self._heard_s = 0.0  # of its sound, without what was fed before it was broken off
        self._due: float | None = None
        self._nudge: tuple[Clip, float] | None = None  # a video to be asked about, and when

    @property
    def feeding(self) -> bool:
        """Whether a video is being fed: what the model says meanwhile is of a part of it."""
        return self._reel is not None

    # -- pictures

    def show(self, sights: Sequence[Sight], now: float) -> None:
        """Let the model see pictures of one message at once, or as soon as the process has time.

        Raises ShowError where too many wait for that.
        """
        if not sights:
            return
        if self._held or self.overload.load(now) is Load.PICTURES:
            if len(self._held) >= KEPT:  # the model would not be shown more of them again either
                raise ShowError(_BUSY)
            if not self._held:
                self._held_since, self._look_at = now, now + FEED_S
            self._held.append(tuple(sights))
        else:
            self._show(sights, now)

    def _look_again(self, now: float) -> None:
        """Show the pictures that wait, unless they are to wait still."""
        waits = self.overload.load(now) is Load.PICTURES and now - self._held_since < HELD_S
        self._look_at = now + FEED_S if waits else None
        while self._held and not waits:
            self._show(self._held.popleft(), now)

    def _show(self, sights: Sequence[Sight], now: float) -> None:
        credit = self._credit(sights[0])
        self._live.inform(notes.shown(credit, sights), sights[0].people)
        for sight in sights:
            self.sights.add(sight)
            self._live.show(sight.jpeg, sight.people)
        self._unsettled = [*self._unsettled, *sights][-len(self.sights.pictures) :]
        self._viewers.noted(f"looked at {notes.listed(sights)} ({credit.told})", now)

    def told(self, event: LiveEvent, now: float) -> None:
        """Show again what a connection was lost with, before all that waits to be sent."""
        match event:
            case AnswerEnded():
                self._unsettled.clear()
            case Ready(resumed):
                self._mind_refused(now)
                if self._was_ready:
                    newest = () if resumed else self.sights.pictures[-1:]
                    self._renew(self._unsettled or newest)
                self._was_ready = True

    def _mind_refused(self, now: float) -> None:
        """Give up what the model ended a connection for, and have people know."""
        jpegs = self._live.refused()
        if not jpegs:
            return
        refused = self.sights.refuse(jpegs)
        self._unsettled = [sight for sight in self._unsettled if sight.jpeg not in jpegs]
        titles = [notes.listed(refused)] if refused else []
        if self._reel is not None:
            titles.append(self._reel.clip.titled)
            self._stop(now, notes.REFUSED)
        elif refused:
            self._live.inform(notes.REFUSED)
        if titles:
            self._viewers.noted(f"could not look at {' and '.join(titles)}: Gemini does not take it", now)

    def _renew(self, sights: Sequence[Sight]) -> None:
        for sight in reversed(sights):  # each goes before the other
            if not self._live.holds(sight.jpeg):
                self._live.remind(notes.again(self._credit(sight), sight), sight.jpeg, sight.people)

    def _credit(self, of: Sight | Clip) -> notes.Credit:
        name = self._label(of.by, None)
        poster = None if of.poster is None else self._label(of.poster.user_id, of.poster.name)
        return notes.Credit(name, poster)

    # -- videos

    def begin(self, now: float) -> bool:
        """Begin with the next video; return whether there is one."""
        self._reel = reel = self.sights.next()
        if reel is None:
            return False
        clip = reel.clip
        credit = self._credit(clip)
        if not reel.at:
            self._viewers.noted(f"watched {clip.titled} ({credit.told})", now)
        self._live.inform(notes.video(credit, reel), clip.people)
        self._marked = self._live.marks
        if self._marked:
            self._live.activity_start()
        if clip.pcm:
            self._viewers.sound_began(clip.titled, now)
        self._heard_s, self._due = 0.0, now
        return True

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while it has not."""
        due = (self._nudge[1] if self._nudge is not None else self._due, self._look_at)
        return min((at for at in due if at is not None), default=None)

    def poll(self, now: float) -> Asked | None:
        """Feed what is due; return whether the model is now asked for an answer."""
        if self._look_at is not None and now >= self._look_at:
            self._look_again(now)
        due = self._nudge[1] if self._nudge is not None else self._due
        if due is None or now < due:
            return None
        if self._nudge is not None:
            clip, self._nudge = self._nudge[0], None
            return self._ask(clip)
        assert self._reel is not None, "it is due"
        if self._live.backlog > BACKLOG or self.overload.load(now) is Load.PICTURES:
            self._due = now + FEED_S
            return None
        second = self._reel.next()
        if second is None:
            return self._end(now)
        people = self._reel.clip.people
        if second.jpeg is not None:
            self._live.show(second.jpeg, people)
        self._live.send_audio(second.pcm, now, speaker=people, replayed=True)
        self._heard_s += len(second.pcm) / SECOND_BYTES
        self._due = now + FEED_S
        return None

    def answered(self) -> None:
        """Take in that the model is heard: it need not be asked for its answer."""
        self._nudge = None

    def interrupted(self, now: float) -> None:
        """Break the video off: a person has taken the floor. The rest of it is fed later."""
        self._nudge = None
        reel = self._stop(now, notes.BROKEN_OFF)
        if reel is not None:
            self.sights.put_back(reel)

    def hush(self, now: float) -> None:
        """Give up all videos: what is to be answered is not wanted any more."""
        self._nudge = None
        self._stop(now, notes.TAKEN_BACK)
        self.sights.drop_videos()

    def forget(self, user_id: int, now: float) -> None:
        """Forget what a person showed or posted; what the model has seen it has seen."""
        if self._reel is not None and user_id in self._reel.clip.people:
            self._stop(now, notes.TAKEN_BACK)
        if self._nudge is not None and user_id in self._nudge[0].people:
            self._nudge = None
        self.sights.forget(user_id)
        self._held = deque(each for each in self._held if user_id not in each[0].people)
        self._unsettled = [sight for sight in self._unsettled if user_id not in sight.people]

    def close(self) -> None:
        """Forget everything."""
        self._reel = self._due = self._nudge = self._look_at = None
        self._held.clear()
        self._unsettled.clear()
        self.sights.clear()

    def _end(self, now: float) -> Asked:
        """Have the video answered that is over."""
        assert self._reel is not None, "it is due"
        clip, marked = self._reel.clip, self._marked
        self._stop(now, "")
        if not marked and not clip.pcm:
            return self._ask(clip)
        if not marked:
            self._nudge = clip, now + NUDGE_S
        return Asked(clip.by if clip.question else None)

    def _ask(self, clip: Clip) -> Asked:
        self._live.ask(notes.over(self._credit(clip), clip), clip.people)
        return Asked(clip.by if clip.question else None)

    def _stop(self, now: float, note: str) -> Reel | None:
        """End the turn that is the video, and return what is left of it."""
        reel, self._reel, self._due = self._reel, None, None
        if reel is None:
            return None
        if note:
            self._live.inform(note)
        if reel.clip.pcm:
            self._viewers.sound_over(now, self._heard_s)
        if self._live.marks:
            self._live.activity_end()
        elif reel.clip.pcm:
            self._live.send_silence(round(TAIL_S * LIVE_IN_HZ), now)
        return reel
