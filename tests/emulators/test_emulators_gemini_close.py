"""How the loopback Gemini closes a Live session: the client gets to read the code and the reason."""

from raw_websocket import CLOSE, raw_websocket

from bot.emulators.gemini.server import LIVE_PATH, GeminiEmulator
from bot.emulators.tls import CertificateAuthority


async def test_a_close_waits_for_the_answer_of_a_client_that_still_sends(
    ca: CertificateAuthority, gemini_emulator: GeminiEmulator
) -> None:
    """Were TCP ended at once, the client's next audio would fail before it has read the code: 1006."""
    port = int(gemini_emulator.base_url.rpartition(":")[2])
    key = f"x-goog-api-key: {gemini_emulator.api_key}"
    async with raw_websocket(port, ca.client_context(), LIVE_PATH, "Host: localhost", key) as client:
        await client.send(1, b'{"setup": {"model": "models/gemini-3.8-live"}}')
        await client.frame()  # setupComplete
        gemini_emulator.sessions[0].close(1011, "Deadline expired")
        assert await client.close_frame() == (1011, "Deadline expired")
        await client.send(1, b'{"realtimeInput": {"text": "hello"}}')
        assert not await client.dropped_within(0.3)
        await client.send(CLOSE, (1011).to_bytes(2, "big"))
        assert await client.dropped_within(20)
    assert gemini_emulator.sessions[0].log.close_code == 1011
