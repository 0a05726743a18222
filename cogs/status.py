"""What `/status` shows, as a Components V2 message."""

import discord

from bot.conversation.call import CallStatus
from bot.latency import Latency

SHOWN = 30  # names in a list: a channel may hold 99 people, and a message 4,000 characters


class StatusView(discord.ui.LayoutView):
    """The state of a call at one moment: who is heard, both connections, what was measured."""

    def __init__(self, status: CallStatus) -> None:
        super().__init__(timeout=None)
        heard = [user_id for user_id, is_heard in status.participants.items() if is_heard]
        unheard = [user_id for user_id, is_heard in status.participants.items() if not is_heard]
        self.add_item(
            discord.ui.Container(
                discord.ui.TextDisplay(f"### In <#{status.channel_id}>"),
                discord.ui.TextDisplay(
                    f"**Heard:** {_people(heard)}\n"
                    f"**Not heard, as they have not agreed:** {_people(unheard)}\n"
                    "-# The buttons under the answer to /join change that; using /join again shows them."
                ),
                discord.ui.Separator(),
                discord.ui.TextDisplay(f"**Discord voice:** {status.voice}\n**Gemini Live:** {status.live}"),
                discord.ui.Separator(),
                discord.ui.TextDisplay(
                    "**Latency**, half of the time / 99 % of the time within:\n"
                    f"- your word to Gemini: {_latency(status.mouth_to_live)}\n"
                    f"- Gemini's answer to your ear: {_latency(status.live_to_ear)}\n"
                    f"- falling silent when interrupted: {_latency(status.barge_in)}\n"
                    f"- knowing that a turn has ended: {_hangover(status.hangover_ms)}"
                ),
            )
        )
        # There is nothing to press in it, so nothing for discord.py to keep.
        self.stop()


def _people(user_ids: list[int]) -> str:
    if not user_ids:
        return "nobody"
    names = ", ".join(f"<@{user_id}>" for user_id in user_ids[:SHOWN])
    more = len(user_ids) - SHOWN
    return f"{names} and {more} more" if more > 0 else names


def _hangover(hangover_ms: float | None) -> str:
    """Return how long the bot waits whether somebody goes on; it learns from each person's pauses."""
    return "nobody has spoken yet" if hangover_ms is None else f"{hangover_ms:.0f} ms"


def _latency(latency: Latency) -> str:
    half, most = latency.p(50), latency.p(99)
    if half is None or most is None:
        return "not measured yet"
    return f"{half:.0f} / {most:.0f} ms"
