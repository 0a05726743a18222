"""The Live connection fails in a call where the bot answers only who calls it by its name."""

from fault_row import SILENCE_S, Row, When
from fault_scenarios import standard
from fault_scene import Scene

from bot.emulators.discord.handles import Interaction
from bot.emulators.gemini import messages
from bot.emulators.gemini.faults import Mute, Send, Stall, Where
from bot.live.stall import GIVE_UP_MUTE_S, NUDGE_MUTE_S, NUDGE_SLOW_S

EVER = 1000
CALLED = messages.input_transcript("Earshot, ")  # the loopback model recognises no words


async def mute(scene: Scene) -> None:
    """Have the server tell nothing from the next sentence on, not even what it understood."""
    scene.script(Where.AUDIO_IN, Mute())


async def stalled(scene: Scene) -> None:
    """Have it understand that it was called, and not answer."""
    scene.script(Where.TURN, Stall())


async def reset(scene: Scene) -> None:
    """Reset the connection."""
    scene.live.abort()


async def addressed(scene: Scene, row: Row) -> None:
    """Play a row in a call of its own, in which the bot is called by its name with every sentence."""
    await _answer(scene, "addressed")
    try:
        scene.script(Where.TURN, Send(CALLED), times=EVER)
        await standard(scene, row)
    finally:
        await scene.leave()
        await _answer(scene, "everyone")


async def _answer(scene: Scene, whom: str) -> None:
    """Set whom the bot answers, as the guild's owner."""
    world, owner_id = scene.world, scene.world.guild.owner_id
    panel = await world.run_command(owner_id, world.text.id, "config")
    await _shown(world.click(owner_id, panel.id, "earshot:config:page:talk:"))
    await _shown(world.select(owner_id, panel.id, "earshot:config:set:talk:mode", [whom]))


async def _shown(used: Interaction) -> None:
    await used.wait_for(lambda it: any(seen.what == "edit" for seen in it.history))


def _row(name: str, text: str, when: When, how: str) -> Row:
    where = {
        When.IDLE: "Live, called by name, before the answer",
        When.SPEAKING: "Live, called by name, in mid-sentence",
        When.ANSWERING: "Live, called by name, in mid-answer",
    }
    inject = {"mute": mute, "stall": stalled}.get(name, reset)
    silence_s = SILENCES_S.get(name, SILENCE_S)
    id_ = f"live-addressed-{name}"
    return Row(id_, text, where[when], when, how, inject, scenario=addressed, fresh=True, silence_s=silence_s)


# From the turn's end; from the call by name, which is heard in mid-sentence.
SILENCES_S = {"mute": NUDGE_MUTE_S + GIVE_UP_MUTE_S + SILENCE_S, "stall": NUDGE_SLOW_S + SILENCE_S}
_RESET = "TCP reset (1006)"
ROWS = [
    _row(
        "mute",
        "the server tells nothing any more",
        When.IDLE,
        "one nudge after 4 s; 3 s later a new connection, which hears the sentence again",
    ),
    _row("stall", "no answer to a turn", When.IDLE, "one nudge 9 s after it was called, as it may search"),
    _row(
        "speaking",
        _RESET,
        When.SPEAKING,
        "a new connection within 0.25 s, which hears the sentence from its beginning",
    ),
    _row(
        "answering",
        _RESET,
        When.ANSWERING,
        "a new connection within 0.25 s, which is asked to go on with the answer",
    ),
]
