"""A Gemini on loopback: the Live websocket, which measures what it hears and answers in spoken words."""
