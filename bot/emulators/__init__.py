"""Discord, Gemini and a person on loopback, speaking the real protocols; for tests and the demo."""
