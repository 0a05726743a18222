"""One Gemini Live session: setup from capabilities, messages, tools, resumption."""
