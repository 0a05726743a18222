"""Discord voice, both ways: RTP, decryption, the receive pipeline, the send clock, the VoiceClient."""
