"""What the audio path costs, as ratios within one run: absolute times belong to the machine.

Each figure is the least of several interleaved rounds, so that a neighbour's load hits all alike or none.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import discord.opus
import numpy as np
import pytest
import soxr

from bot.audio.opus import Encoder, library_path
from bot.audio.ratepath import rate_path

ROUNDS = 12
FRAMES = 50


def least_us(
    chains: dict[str, Callable[[bytes], object]], inputs: dict[str, Sequence[bytes]]
) -> dict[str, float]:
    """Return the time of each chain for one 20 ms frame in microseconds."""
    best = dict.fromkeys(chains, float("inf"))
    for _ in range(ROUNDS):
        for name, chain in chains.items():
            begun = time.perf_counter()
            for frame in inputs[name]:
                chain(frame)
            best[name] = min(best[name], (time.perf_counter() - begun) / len(inputs[name]) * 1e6)
    return best


@pytest.fixture
def frames() -> list[bytes]:
    """Voiced-like noise at 48 kHz stereo, in frames of 20 ms."""
    noise = np.random.default_rng(2).normal(size=48_000 // 50 * FRAMES)
    smooth = np.convolve(noise, np.hanning(24), "same") * 1500
    stereo = np.repeat(smooth.astype(np.int16), 2).tobytes()
    return [stereo[at : at + 3840] for at in range(0, len(stereo), 3840)]


def test_hearing_costs_less_than_the_stock_chain(
    frames: list[bytes], record_testsuite_property: Callable[[str, object], None]
) -> None:
    encoder = Encoder(48_000, 2)
    packets = [encoder.encode(frame) for frame in frames]
    discord.opus.load_opus(str(library_path()))
    stock_decoder = discord.opus.Decoder()  # type: ignore[no-untyped-call]
    stock_rate: Any = soxr.ResampleStream(48_000, 16_000, 1, dtype="int16", quality="HQ")

    def stock(packet: bytes) -> object:
        stereo = np.frombuffer(stock_decoder.decode(packet, fec=False), np.int16).reshape(-1, 2)
        return stock_rate.resample_chunk(stereo.mean(axis=1).astype(np.int16))

    chains: dict[str, Callable[[bytes], object]] = {
        "native": rate_path("native").decoder().decode,
        "resample": rate_path("resample").decoder().decode,
        "stock": stock,
    }
    cost = least_us(chains, dict.fromkeys(chains, packets))
    record_testsuite_property("hearing_us", cost)
    assert cost["native"] < cost["stock"] * 0.6
    assert cost["resample"] < cost["stock"]


def test_speaking_costs_less_than_the_stock_chain(
    frames: list[bytes], record_testsuite_property: Callable[[str, object], None]
) -> None:
    discord.opus.load_opus(str(library_path()))
    stock_encoder = discord.opus.Encoder()
    stock_rate: Any = soxr.ResampleStream(24_000, 48_000, 1, dtype="int16", quality="HQ")
    rest = bytearray()

    def stock(pcm: bytes) -> object:
        rest.extend(np.repeat(stock_rate.resample_chunk(np.frombuffer(pcm, np.int16)), 2).tobytes())
        packets = []
        while len(rest) >= 3840:
            packets.append(stock_encoder.encode(bytes(rest[:3840]), 960))
            del rest[:3840]
        return packets

    mono = [np.frombuffer(frame, np.int16)[::4].tobytes() for frame in frames]  # 24 kHz, near enough for cost
    chains: dict[str, Callable[[bytes], object]] = {
        "native": rate_path("native").encoder().feed,
        "resample": rate_path("resample").encoder().feed,
        "stock": stock,
    }
    cost = least_us(chains, dict.fromkeys(chains, mono))
    record_testsuite_property("speaking_us", cost)
    assert cost["native"] < cost["stock"] * 0.6
    assert cost["resample"] < cost["stock"]
