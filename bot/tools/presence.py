"""Tells who is in the channel of a call, and whom the bot hears there."""

import time

from bot.conversation.call import Call
from bot.conversation.names import NOBODY, cleaned
from bot.conversation.toolbox import Result, Tool, ToolUse
from bot.live.tools import FunctionSpec
from bot.tools.timers import lasting

MOST = 50  # people: more nobody wants to be told

_SPEC = FunctionSpec(
    "who_is_here",
    "Tell who is in the voice channel now, whom of them I hear and who is muted, and how long this call has "
    "been running. Who is not heard has not agreed to be, or has objected.",
)


def who_is_here(call: Call) -> Tool:
    """Return the function of a call."""

    async def run(_use: ToolUse) -> Result:
        channel, heard = call.channel, call.status().participants
        people = []
        for user_id, state in channel.voice_states.items():
            member = channel.guild.get_member(user_id)
            if user_id == channel.guild.me.id or (member is not None and member.bot):
                continue
            person: dict[str, str | bool] = {
                "name": cleaned(member.display_name) if member is not None else NOBODY,
                "heard": heard.get(user_id, False),
            }
            if state.self_mute or state.mute:
                person["muted"] = True
            people.append(person)
        result: dict[str, object] = {
            "channel": cleaned(channel.name),
            "count": len(people),
            "people": people[:MOST],
            "call_has_lasted": lasting(time.monotonic() - call.started_at),
        }
        return result

    return Tool(_SPEC, run)
