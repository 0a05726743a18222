"""PCM and Opus. No network, no Discord, no Gemini, no clock of its own."""
