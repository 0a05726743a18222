"""The voice client in a call on the loopback Discord: what it hears, says, and survives."""

import asyncio
import time
from pathlib import Path

import discord
import numpy as np
import pytest
from voice_call import Call, eventually, tone
from voice_people import ann, call, meet

from bot.audio.pcm import level_dbfs
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.person import Person
from bot.voice.errors import VoiceError
from bot.voice.events import Connected, Ended, Heard, Joined, Left

__all__ = ["ann", "call"]

SPEECH = Path(__file__).parent.parent / "media" / "speech-austen-0880.wav"

SPEAKING_OP = 5


@pytest.mark.parametrize("mode", ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"])
async def test_every_frame_of_speech_is_heard_once_in_order_at_its_level(
    discord_emulator: DiscordEmulator, call: Call, ann: Person, mode: str
) -> None:
    discord_emulator.knobs.voice_mode = mode
    discord_emulator.knobs.udp.padding = 0.3
    await meet(call, ann)
    said, heard = await call.hears(ann, SPEECH)
    assert len(heard) == len(said.frames)
    assert not any(event.concealed for event in heard)
    assert [event.at for event in heard] == sorted(event.at for event in heard)
    pcm = np.concatenate([event.pcm for event in heard])
    assert len(pcm) == len(said.pcm16k)
    assert level_dbfs(pcm) == pytest.approx(level_dbfs(said.pcm16k), abs=0.5)
    assert call.voice.counters()["undecrypted"] == 0


async def test_the_preferred_encryption_is_chosen(call: Call) -> None:
    await call.join()
    assert str(call.voice.mode) == "aead_aes256_gcm_rtpsize"


async def test_an_answer_reaches_the_people_end_to_end_encrypted_and_paced(call: Call, ann: Person) -> None:
    await meet(call, ann)
    packets = call.say(tone(1.0))
    await eventually(lambda: not call.voice.playout.active, "the answer was played")
    await asyncio.sleep(0.1)
    voiced = call.voiced()
    assert len(voiced) == packets
    assert all(entry.fields["encrypted"] for entry in voiced)
    heard = [frame for frame in ann.heard(call.user_id) if not frame.silence]
    assert len(heard) == packets
    assert call.sent()[-1].fields["silence"]
    span = voiced[-1].at - voiced[0].at
    assert span > 0.01 * packets, "no flood; how evenly they go is the clock's test"


async def test_the_answer_has_its_pitch_and_begins_within_the_figures(call: Call, ann: Person) -> None:
    await meet(call, ann)
    for _ in range(5):
        call.say(tone(0.3, hz=600))
        await eventually(lambda: not call.voice.playout.active, "the answer was played")
    await asyncio.sleep(0.1)
    pcm = np.concatenate([frame.pcm[:, 0] for frame in ann.heard(call.user_id) if not frame.silence])
    spectrum = np.abs(np.fft.rfft(pcm.astype(float) * np.hanning(len(pcm))))
    assert np.argmax(spectrum) * 48_000 / len(pcm) == pytest.approx(600, abs=10)
    latency = call.voice.playout.live_to_ear
    assert latency.count == 5
    assert (latency.p(50) or 0.0) <= 50  # 20 on a machine of one's own


async def test_speaking_is_announced_before_the_first_packet_and_taken_back_after_the_last(
    call: Call, ann: Person
) -> None:
    await meet(call, ann)
    await eventually(lambda: not call.voice.playout.active, "the priming is over")
    await asyncio.sleep(0.1)
    call.emulator.trace.clear()
    call.say(tone(0.3))
    await eventually(lambda: len(call.told(SPEAKING_OP)) >= 2, "SPEAKING was sent and taken back")
    began, ended = call.told(SPEAKING_OP)
    assert (began.fields["data"]["speaking"], ended.fields["data"]["speaking"]) == (1, 0)
    packets = call.sent()
    assert began.at <= packets[0].at
    assert packets[-1].at <= ended.at


async def test_after_a_drop_only_silence_leaves(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.say(tone(3.0))
    await eventually(lambda: len(call.voiced()) > 20, "the answer is heard")
    assert call.voice.playout.drop(time.monotonic()) > 50
    dropped_at = time.monotonic()
    await asyncio.sleep(0.3)
    assert all(entry.at <= dropped_at + 0.1 for entry in call.voiced())  # some of it: the emulator's loop
    before = len(call.voiced())
    await asyncio.sleep(0.2)
    assert len(call.voiced()) == before
    assert [entry.fields["silence"] for entry in call.sent()[-5:]] == [True] * 5
    assert (call.voice.playout.barge_in.p(100) or 0.0) <= 25


async def test_a_join_primes_the_connection_and_keeps_it_alive(call: Call) -> None:
    await call.join()
    await eventually(lambda: len(call.sent()) >= 5, "the priming")
    assert all(entry.fields["silence"] and entry.fields["decision"] == "forwarded" for entry in call.sent())
    keepalives = [e for e in call.emulator.trace.of("udp.in") if e.fields.get("keepalive")]
    assert keepalives


async def test_people_are_known_as_they_come_and_go(
    discord_emulator: DiscordEmulator, call: Call, ann: Person
) -> None:
    await ann.join(call.channel().id)
    await call.join()
    assert call.voice.participants == {ann.user.id}
    ben = Person(discord_emulator, discord_emulator.world.add_user("ben"))
    await ben.join(call.channel().id)
    await eventually(lambda: call.voice.participants == {ann.user.id, ben.user.id}, "ben is known")
    await ben.leave()
    await eventually(lambda: call.voice.participants == {ann.user.id}, "ben is gone")
    assert call.of(Joined) == [Joined(ann.user.id), Joined(ben.user.id)]
    assert call.of(Left) == [Left(ben.user.id)]


async def test_a_person_without_consent_is_not_heard_and_their_consent_counts_at_once(
    call: Call, ann: Person
) -> None:
    call.deaf_to.add(ann.user.id)
    await meet(call, ann)
    said, heard = await call.hears(ann, tone(0.3))
    assert heard == []
    assert call.voice.counters()["unconsented"] >= len(said.frames) - 5
    call.deaf_to.clear()
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    call.deaf_to.add(ann.user.id)
    call.voice.consent_changed(ann.user.id)
    _, heard = await call.hears(ann, tone(0.3))
    assert heard == []


async def test_a_bug_in_the_conversation_does_not_make_the_call_deaf(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.failing = True
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    assert call.voice.counters()["callback_errors"] >= len(heard)


async def test_a_third_person_joins_and_leaves_in_mid_speech_and_no_frame_is_lost(
    discord_emulator: DiscordEmulator, call: Call, ann: Person
) -> None:
    await meet(call, ann)
    ben = Person(discord_emulator, discord_emulator.world.add_user("ben"))
    speaking = asyncio.create_task(call.hears(ann, tone(2.5)))
    await asyncio.sleep(0.5)
    packets = call.say(tone(2.0))
    await ben.join(call.channel().id)
    await ben.secured_with(ann.user.id, call.user_id)
    await asyncio.sleep(0.5)
    await ben.leave()
    said, heard = await speaking
    await eventually(lambda: not call.voice.playout.active, "the answer was played")
    assert len(call.voiced()) == packets
    assert len(heard) == len(said.frames)
    assert call.voice.counters()["undecrypted"] == 0
    assert all(entry.fields["encrypted"] for entry in call.voiced())


async def test_a_full_channel_is_told_in_time_and_leaves_nothing_behind(
    discord_emulator: DiscordEmulator, call: Call, ann: Person
) -> None:
    channel = discord_emulator.world.voice_channels[0]
    discord_emulator.world.set_user_limit(channel.id, 1)
    await ann.join(channel.id)
    began = time.monotonic()
    with pytest.raises(VoiceError, match="full"):
        await call.join(timeout_s=1.0)
    assert time.monotonic() - began < 5
    assert call.client.voice_clients == []
    assert call.of(Ended) == []
    discord_emulator.world.set_user_limit(channel.id, 2)
    await call.join()
    assert call.voice.is_connected()


async def test_a_cancelled_join_leaves_nothing_behind(call: Call) -> None:
    for delay_s in (0.0, 0.005, 0.02, 0.05, 0.1):
        joining = asyncio.create_task(call.join())
        await asyncio.sleep(delay_s)
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        for voice in list(call.client.voice_clients):
            await voice.disconnect(force=True)
        assert call.client.voice_clients == []
    await call.join()
    assert call.voice.is_connected()


async def test_joining_and_leaving_over_and_over_leaves_nothing_behind(call: Call, ann: Person) -> None:
    """What is left over is looked for when the fixture ends."""
    await ann.join(call.channel().id)
    for _ in range(10):
        await call.join()
        await call.voice.disconnect(force=True)
        assert call.client.voice_clients == []
    assert len(call.of(Connected)) == 10
    assert call.of(Ended) == []


async def test_a_client_that_is_done_does_not_unseat_its_successor(call: Call) -> None:
    await call.join()
    former = call.voice
    await former.disconnect(force=True)
    await call.join()
    former.cleanup()
    await former.disconnect(force=True)
    assert call.client.voice_clients == [call.voice]
    assert call.voice.is_connected()


async def test_a_bot_that_is_shut_down_in_a_call_leaves_it(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.say(tone(5.0))
    await call.client.close()
    await eventually(
        lambda: call.user_id not in call.emulator.world.guild.voice_states, "Discord knows that it left"
    )


async def test_leaving_in_mid_answer_is_prompt_and_can_be_repeated(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.say(tone(5.0))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await asyncio.gather(*(call.voice.disconnect(force=True) for _ in range(3)))
    await call.voice.disconnect()
    assert time.monotonic() - began < 3
    assert call.of(Ended) == []
    sent = len(call.sent())
    await asyncio.sleep(0.2)
    assert len(call.sent()) == sent


async def test_a_stage_is_outside_of_the_encryption(
    discord_emulator: DiscordEmulator, call: Call, ann: Person
) -> None:
    stage_id = discord_emulator.world.stage.id
    await ann.join(stage_id)
    stage = call.client.get_channel(stage_id)
    assert isinstance(stage, discord.StageChannel)
    await call.join(stage)
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    packets = call.say(tone(0.3))
    await eventually(lambda: len(call.voiced()) == packets, "the answer arrived")
    assert not any(entry.fields["encrypted"] for entry in call.voiced())


async def test_heard_carries_the_time_of_arrival(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await call.hears(ann, tone(0.3))
    arrived = {e.at for e in call.emulator.trace.of("udp.out") if e.fields["to"] == call.user_id}
    for event in call.of(Heard):
        assert min(arrived) <= event.at <= max(arrived) + 1.0
