"""What `/status` shows, as a Components V2 message."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import discord

from bot.conversation.call import CallStatus
from bot.conversation.room import Mode
from bot.latency import Latency

SHOWN = 30  # names in a list: a channel may hold 99 people, and a message 4,000 characters
SHOWN_BRIEFLY = 8  # in a list within a line
_WELL, _UNWELL, _OVER = 0x57F287, 0xFEE75C, 0x99AAB5  # green, yellow and grey, as Discord has them

_ANSWERS = {
    Mode.EVERYONE: "everyone",
    Mode.ADDRESSED: "people who call me by my name, and what they say next",
    Mode.PUSH_TO_TALK: "people who press Talk, or use /talk; I hear nobody else",
}

# Each is a line where it is not 0: a call in which nothing happened is soon read.
HAPPENED = {
    "tools_run": "tools used",
    "live_nudges": "times I reminded Gemini to answer",
    "live_stalls": "times Gemini fell silent, so that I connected to it anew",
    "deaf_alarms": "times somebody spoke and I received no sound",
    "dead_paths": "times nothing came through from Discord's voice server, so that I connected anew",
    "failed_parts": "parts of my voice connection that failed and were replaced",
    "dave_recoveries": "times the encryption had to be set up anew",
    "ticks_late": "my packets that left late",
}
LOST = "live_audio_lost_ms"


@dataclass(frozen=True, slots=True)
class Seen:
    """What Discord knows of the bot in the call, beside the call itself."""

    muted: bool = False
    """The server has muted it."""
    deafened: bool = False


class StatusView(discord.ui.LayoutView):
    """The state of a call at one moment: who is heard, both connections, what was measured and counted."""

    def __init__(self, status: CallStatus, seen: Seen, footer: str, *, over: bool = False) -> None:
        """`footer` says of when this is; `over` that the call has ended meanwhile."""
        super().__init__(timeout=None)
        well = status.voice == "connected" and status.live == "ready" and seen == Seen()
        began = time.time() - (time.monotonic() - status.started_at)
        title = "The call is over" if over else f"In <#{status.channel_id}> since <t:{began:.0f}:t>"
        parts = [f"### {title}", _whom(status), _how(status, seen), _latencies(status), _counted(status)]
        self.text = "\n".join([*parts, footer])
        """All of it; panels of the same text look the same."""
        box: discord.ui.Container[StatusView] = discord.ui.Container(
            accent_colour=_OVER if over else _WELL if well else _UNWELL
        )
        for number, part in enumerate(parts):
            if number > 1:
                box.add_item(discord.ui.Separator())
            box.add_item(discord.ui.TextDisplay(part))
        self.add_item(box.add_item(discord.ui.TextDisplay(f"-# {footer}")))
        # There is nothing to press in it, so nothing for discord.py to keep.
        self.stop()


def _whom(status: CallStatus) -> str:
    heard = [user_id for user_id, is_heard in status.participants.items() if is_heard]
    unheard = [user_id for user_id, is_heard in status.participants.items() if not is_heard]
    return (
        f"**Heard{_once(status)}:** {_people(heard)}\n"
        f"**Not heard (they have not agreed, or object):** {_people(unheard)}\n"
        f"**Speaking:** {_speaking(status)}\n"
        f"**I answer:** {_ANSWERS[status.mode]}\n"
        "-# The buttons under the answer to /join change who is heard; using /join again shows them."
    )


def _once(status: CallStatus) -> str:
    return " after they press Talk" if status.mode is Mode.PUSH_TO_TALK else ""


def _speaking(status: CallStatus) -> str:
    if status.mixed:
        said = "all are heard as one"
    elif status.holder is not None:
        said = f"<@{status.holder}>"
    else:
        said = "nobody"
    if status.waiting:
        said += f"; next {_people(status.waiting, SHOWN_BRIEFLY)}"
    if status.pressed:
        said += f"; Talk is pressed by {_people(status.pressed, SHOWN_BRIEFLY)}"
    return said


def _how(status: CallStatus, seen: Seen) -> str:
    return (
        f"**Discord voice:** {status.voice}{', but deafened by this server' if seen.deafened else ''}\n"
        f"**Gemini Live:** {status.live}\n"
        f"**My voice:** {_voice(status, seen)}"
    )


def _voice(status: CallStatus, seen: Seen) -> str:
    if seen.muted:
        return "muted by this server"
    if status.muted:
        return "muted by /mute-bot; /mute-bot off ends that"
    waiting = f", with {status.to_say} more to say" if status.to_say else ""
    return f"{status.volume} %{waiting}"


def _latencies(status: CallStatus) -> str:
    text = (
        "**Latency**, median / 99th percentile of how many:\n"
        f"- your word to Gemini: {_latency(status.mouth_to_live)}\n"
        f"- Gemini's answer to your ear: {_latency(status.live_to_ear)}\n"
        f"- falling silent when interrupted: {_latency(status.barge_in)}\n"
        f"- knowing that a turn has ended: {_hangover(status)}"
    )
    if status.mode is Mode.ADDRESSED:
        text += f"\n- knowing that I was meant: {_latency(status.address_hold)}"
    return text


def _counted(status: CallStatus) -> str:
    counters = status.counters
    heard, missing = counters.get("heard", 0), counters.get("missing", 0)
    share = f" ({missing / (heard + missing):.1%})" if missing else ""
    lines = [f"your packets of 20 ms: {heard:,} heard, {missing:,} lost on the way{share}"]
    if (reconnects := counters.get("live_connections", 0) - 1) > 0:
        lines.append(f"new connections to Gemini: {reconnects:,}")
    lines += [f"{what}: {counters[name]:,}" for name, what in HAPPENED.items() if counters.get(name)]
    if lost_ms := counters.get(LOST):
        lines.append(f"your speech that never reached Gemini: {lost_ms / 1000:,.1f} s")
    return "**Counted**\n" + "\n".join(f"- {line}" for line in lines)


def _people(user_ids: Sequence[int], most: int = SHOWN) -> str:
    if not user_ids:
        return "nobody"
    names = ", ".join(f"<@{user_id}>" for user_id in user_ids[:most])
    more = len(user_ids) - most
    return f"{names} and {more} more" if more > 0 else names


def _hangover(status: CallStatus) -> str:
    """Return how long the bot waits whether somebody goes on; it learns from each person's pauses."""
    if not status.marks:
        return "Gemini's own judgement"
    cost = status.hangover_ms
    return "nobody has spoken yet" if cost is None else f"{cost:.0f} ms"


def _latency(latency: Latency) -> str:
    half, most = latency.p(50), latency.p(99)
    if half is None or most is None:
        return "not measured yet"
    return f"{half:.0f} / {most:.0f} ms of {len(latency.samples_ms):,}"
