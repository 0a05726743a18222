"""People talk with each other on the loopback Discord: real TLS, UDP, Opus and DAVE, and no bot."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import discord
import numpy as np
import pytest
from discord import app_commands

from bot.audio.pcm import Pcm16, level_dbfs
from bot.emulators.client.connection import VoiceError
from bot.emulators.client.rtp import AES_GCM, XCHACHA
from bot.emulators.client.speech import Utterance
from bot.emulators.discord.model import ChannelType
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.person import Person

SPEECH = Path(__file__).parent.parent / "media" / "speech-austen-0880.wav"

MakePerson = Callable[..., Person]


@pytest.fixture
async def make_person(discord_emulator: DiscordEmulator) -> AsyncIterator[MakePerson]:
    people: list[Person] = []

    def make(name: str, mode: str | None = None) -> Person:
        people.append(Person(discord_emulator, discord_emulator.world.add_user(name), mode=mode))
        return people[-1]

    yield make
    for person in people:
        await person.leave()
    left = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("person-")]
    assert left == []


@pytest.fixture
def room(discord_emulator: DiscordEmulator) -> int:
    return discord_emulator.world.add_channel("Room", ChannelType.VOICE).id


def tone(seconds: float, hz: float = 440.0) -> Pcm16:
    at = np.arange(int(16_000 * seconds)) / 16_000
    fade = np.minimum(1, np.minimum(at, at[::-1]) / 0.005)  # a click would be loud in the frame beside it
    return (8000 * fade * np.sin(2 * math.pi * hz * at)).astype(np.int16)


async def meet(room: int, *people: Person) -> None:
    for person in people:
        await person.join(room)
    ids = [person.user.id for person in people]
    await asyncio.gather(*(person.secured_with(*ids) for person in people))


async def settle() -> None:
    """Let what is on its way over loopback arrive."""
    await asyncio.sleep(0.15)


def sequences(said: Utterance) -> list[int]:
    return [frame.seq for frame in said.frames]


def heard_sequences(listener: Person, said: Utterance) -> list[int]:
    return [frame.seq for frame in listener.heard(said.user_id) if not frame.silence]


def pitch_hz(pcm: Pcm16, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate_hz / len(pcm))


async def test_every_frame_arrives_end_to_end_encrypted_at_its_level(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    ann, ben = make_person("ann", AES_GCM), make_person("ben", XCHACHA)
    await meet(room, ann, ben)
    said = await ann.speak(SPEECH)
    await settle()
    assert said.withheld == 0
    assert len(said.frames) > 100 and said.silence_frames >= 5
    assert len(said.pcm16k) == 320 * len(said.frames)
    assert heard_sequences(ben, said) == sequences(said)
    assert ben.undecryptable == 0
    heard = [frame.pcm.mean(axis=1) for frame in ben.heard(ann.user.id) if not frame.silence]
    assert level_dbfs(np.concatenate(heard).astype(np.int16)) == pytest.approx(
        level_dbfs(said.pcm16k), abs=0.5
    )
    wire = [entry.fields for entry in discord_emulator.trace.of("udp.in") if "payload" in entry.fields]
    assert all(fields["encrypted"] or fields["silence"] for fields in wire)
    assert sum(fields["encrypted"] for fields in wire) == len(said.frames)


async def test_speech_goes_out_at_its_own_pace_and_pauses_do_not(make_person: MakePerson, room: int) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    await meet(room, ann, ben)
    pause = np.zeros(16_000, np.int16)
    said = await ann.speak(np.concatenate((tone(0.6), pause, tone(0.4))), rate_hz=16_000)
    await settle()
    assert [frame.index for frame in said.frames] == [*range(40), *range(80, 100)]
    assert said.silence_frames == 10
    assert all(
        frame.at >= said.started_at + frame.index * 0.02 - 0.001 for frame in said.frames
    )  # never too early; how late depends on the machine
    assert heard_sequences(ben, said) == sequences(said)
    line = ben.recording(said.started_at, said.ended_at + 0.1)
    # The pause is heard as such, in its place; 0.25 s of slack for a machine that is busy.
    assert not line[int(48_000 * 0.9) : int(48_000 * 1.6)].any()
    assert level_dbfs(line[: 48_000 // 2]) > -25
    again = await ann.speak(tone(0.1), rate_hz=16_000)
    assert again.frames[0].seq == said.frames[-1].seq + 6
    elapsed = again.started_at - said.started_at
    assert (again.frames[0].timestamp - said.frames[0].timestamp) / 48_000 == pytest.approx(elapsed, abs=0.02)


async def test_without_the_gate_pauses_are_sent(make_person: MakePerson, room: int) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    await meet(room, ann, ben)
    said = await ann.speak(np.zeros(8_000, np.int16), rate_hz=16_000, gate=False)
    await settle()
    assert [frame.index for frame in said.frames] == [*range(25)]
    assert not any(frame.voiced for frame in said.frames)
    assert heard_sequences(ben, said) == sequences(said)


async def test_two_talk_at_once_and_are_told_apart(make_person: MakePerson, room: int) -> None:
    ann, ben, cyd = make_person("ann"), make_person("ben"), make_person("cyd")
    await meet(room, ann, ben, cyd)
    by_ann, by_ben = await asyncio.gather(
        ann.speak(tone(0.8, 300), rate_hz=16_000), ben.speak(tone(0.8, 1100), rate_hz=16_000)
    )
    await settle()
    for said, hz in ((by_ann, 300), (by_ben, 1100)):
        assert heard_sequences(cyd, said) == sequences(said)
        alone = cyd.recording(said.started_at + 0.1, said.started_at + 0.6, said.user_id)
        assert pitch_hz(alone, 48_000) == pytest.approx(hz, abs=5)
    both = cyd.recording(by_ann.started_at + 0.1, by_ann.started_at + 0.6)
    assert level_dbfs(both) == pytest.approx(level_dbfs(alone) + 3, abs=1.0)
    assert heard_sequences(ann, by_ben) == sequences(by_ben)
    assert ann.heard(ann.user.id) == []


async def test_a_third_joins_and_leaves_in_mid_speech(make_person: MakePerson, room: int) -> None:
    ann, ben, cyd = make_person("ann"), make_person("ben"), make_person("cyd")
    await meet(room, ann, ben)

    async def visit() -> tuple[float, float]:
        await asyncio.sleep(0.2)
        await cyd.join(room)
        await cyd.secured_with(ann.user.id, ben.user.id)
        came = asyncio.get_running_loop().time()
        await asyncio.sleep(0.7)
        await cyd.leave()
        return came, asyncio.get_running_loop().time()

    said, (came, went) = await asyncio.gather(ann.speak(tone(1.5), rate_hz=16_000), visit())
    await settle()
    assert heard_sequences(ben, said) == sequences(said)
    assert ben.undecryptable == 0
    here = [frame.seq for frame in said.frames if came + 0.05 < frame.at < went - 0.05]
    heard = heard_sequences(cyd, said)
    assert len(here) > 15
    assert set(here) <= set(heard)
    assert heard == [*range(heard[0], heard[-1] + 1)]
    assert cyd.undecryptable == 0


async def test_on_a_bad_network_all_that_arrives_is_heard_once(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    await meet(room, ann, ben)
    # The first frame of someone that davey opens in an epoch shuts out those before it: let it come in order.
    await ann.speak(tone(0.1), rate_hz=16_000)
    await settle()
    udp = discord_emulator.knobs.udp
    udp.loss, udp.jitter_ms, udp.reorder, udp.duplicate, udp.padding = 0.2, 30.0, 0.1, 0.3, 0.5
    said = await ann.speak(tone(1.2), rate_hz=16_000)
    await settle()
    heard = [seq for seq in heard_sequences(ben, said) if seq >= said.frames[0].seq]
    assert heard == sorted(set(heard))
    assert set(heard) < set(sequences(said))
    assert len(heard) > 0.5 * len(said.frames)
    assert ben.hearing.counts["duplicate"] > 0
    assert ben.undecryptable == 0


async def test_one_who_comes_back_is_heard_again(make_person: MakePerson, room: int) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    await meet(room, ann, ben)
    for _ in range(2):
        await ann.leave()
        await meet(room, ann)
        await asyncio.gather(ann.secured_with(ben.user.id), ben.secured_with(ann.user.id))
        said = await ann.speak(tone(0.2), rate_hz=16_000)
        await settle()
        assert heard_sequences(ben, said)[-len(said.frames) :] == sequences(said)
    assert ben.undecryptable == 0


async def test_a_broken_commit_is_recovered_from(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    ann, ben, cyd = make_person("ann"), make_person("ben"), make_person("cyd")
    await meet(room, ann, ben, cyd)
    connection = ben.connection
    assert connection is not None
    discord_emulator.voice.inject(ben.user.id, bytes([29, 0, 9]) + b"no commit")
    await asyncio.wait_for(connection.until(lambda: connection.dave.recoveries == 1), 5)
    everyone = [each.user.id for each in (ann, ben, cyd)]
    await asyncio.gather(*(each.secured_with(*everyone) for each in (ann, ben, cyd)))
    await settle()
    said = await ann.speak(tone(0.3), rate_hz=16_000)
    await settle()
    assert heard_sequences(ben, said) == sequences(said)
    assert connection.dave.recoveries == 1


async def reach_version(person: Person, version: int) -> None:
    connection = person.connection
    assert connection is not None
    await asyncio.wait_for(connection.until(lambda: connection.dave.version == version), 5)


async def test_a_call_goes_down_to_plain_transport_and_up_again(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    await meet(room, ann, ben)
    encrypted = []
    for version in (0, 1):
        discord_emulator.knobs.dave.max_version = version
        await asyncio.gather(*(reach_version(person, version) for person in (ann, ben)))
        discord_emulator.trace.clear()
        said = await ann.speak(tone(0.2), rate_hz=16_000)
        await settle()
        assert heard_sequences(ben, said)[-len(said.frames) :] == sequences(said)
        wire = [entry.fields for entry in discord_emulator.trace.of("udp.in") if "payload" in entry.fields]
        encrypted.append({fields["encrypted"] for fields in wire if not fields["silence"]})
    assert encrypted == [{False}, {True}]


async def test_one_who_is_kicked_knows_it(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    ann = make_person("ann")
    await ann.join(room)
    connection = ann.connection
    assert connection is not None
    discord_emulator.world.leave_voice(ann.user.id)
    await asyncio.wait_for(connection.wait_closed(), 5)
    assert connection.close_code == 4014
    said = await ann.speak(tone(0.1), rate_hz=16_000)
    assert said.frames == [] and said.withheld > 0
    with pytest.raises(VoiceError, match="4014"):
        await ann.secured_with(1)


@pytest.mark.parametrize("server_first", [False, True])
async def test_who_is_moved_follows_and_is_heard_there(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int, server_first: bool
) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    other = discord_emulator.world.add_channel("Other room", ChannelType.VOICE).id
    await ann.join(room)
    await ben.join(other)
    discord_emulator.knobs.voice_server_first = server_first
    discord_emulator.world.move(ann.user.id, other)
    await asyncio.gather(ann.secured_with(ben.user.id), ben.secured_with(ann.user.id))
    said = await ann.speak(tone(0.2), rate_hz=16_000)
    await settle()
    assert heard_sequences(ben, said) == sequences(said)


async def test_a_call_goes_on_in_another_region(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    ann, ben = make_person("ann"), make_person("ben")
    await meet(room, ann, ben)
    before = ann.connection
    discord_emulator.world.change_region(room)
    await asyncio.gather(ann.secured_with(ben.user.id), ben.secured_with(ann.user.id))
    assert ann.connection is not before
    said = await ann.speak(tone(0.2), rate_hz=16_000)
    await settle()
    assert heard_sequences(ben, said) == sequences(said)


async def test_posts_and_files_are_seen(discord_emulator: DiscordEmulator, make_person: MakePerson) -> None:
    ann = make_person("ann")
    channel = discord_emulator.world.text.id
    posted = ann.post(channel, "listen", [SPEECH])
    assert [message.text for message in discord_emulator.world.messages(channel)] == ["listen"]
    assert [(each.filename, each.data) for each in posted.attachments] == [(SPEECH.name, SPEECH.read_bytes())]
    pinged = ann.post(channel, "heard", reply_to=posted)
    assert (pinged.reply_to, pinged.mentions) == (posted, [ann.user])
    assert ann.post(channel, "and this", reply_to=posted, ping=False).mentions == []


class Greeter(discord.Client):
    """A bot with one command and one button."""

    def __init__(self, proxy_url: str) -> None:
        super().__init__(intents=discord.Intents.default(), proxy=proxy_url)
        self.came = asyncio.Event()
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="greet", description="Greet.")(self.greet)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_ready(self) -> None:
        self.came.set()

    async def greet(self, interaction: discord.Interaction, name: str) -> None:
        view = discord.ui.View()
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(label="Again", custom_id="again")
        view.add_item(button)
        await interaction.response.send_message(f"Hello, {name}", view=view)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            await interaction.response.send_message("Hello again", ephemeral=True)


async def test_commands_and_buttons_are_answered(
    discord_emulator: DiscordEmulator, make_person: MakePerson
) -> None:
    ann = make_person("ann")
    async with Greeter(discord_emulator.proxy_url) as bot:
        running = asyncio.create_task(bot.start(discord_emulator.token))
        await asyncio.wait_for(bot.came.wait(), 10)
        greeting = await ann.run_command(discord_emulator.world.text.id, "greet", name="Ann")
        assert greeting.text == "Hello, Ann"
        again = await ann.click(greeting, "again")
        assert again.text == "Hello again" and again.ephemeral
    await asyncio.wait_for(running, 5)


async def test_who_is_not_in_voice_can_not_speak(make_person: MakePerson) -> None:
    ann = make_person("ann")
    with pytest.raises(VoiceError, match="ann is in no voice channel"):
        await ann.speak(tone(0.1), rate_hz=16_000)


async def test_a_silent_server_is_given_up(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    discord_emulator.voice.drop_discovery(100)
    ann = make_person("ann")
    with pytest.raises(VoiceError, match="no voice connection"):
        await ann.join(room, wait_s=0.8)
    assert ann.connection is None


async def test_who_may_not_speak_is_not_heard(
    discord_emulator: DiscordEmulator, make_person: MakePerson, room: int
) -> None:
    """The voice server passes on nothing of them, whatever their client sends."""
    world = discord_emulator.world
    ann, ben = make_person("ann"), make_person("ben")
    member = world.guild.members[ann.user.id]
    world.set_permissions(room, ann.user.id, deny=Permission.SPEAK)
    await meet(room, ann, ben)
    assert world.guild.voice_states[ann.user.id].suppress
    await ann.speak(tone(0.3), rate_hz=16_000)
    world.set_permissions(room, ann.user.id)
    member.mute = True
    await ann.speak(tone(0.3), rate_hz=16_000)
    await settle()
    assert ben.heard(ann.user.id) == []
    refused = [e for e in discord_emulator.trace.of("udp.in") if e.fields.get("reason") == "may not speak"]
    assert {entry.fields["user_id"] for entry in refused} == {ann.user.id}
    member.mute = False
    said = await ann.speak(tone(0.3), rate_hz=16_000)
    await settle()
    assert len([frame for frame in ben.heard(ann.user.id) if not frame.silence]) == len(said.frames)
