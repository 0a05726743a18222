"""A voice client of its own, for people on the loopback Discord: none of the bot's code is in it but PCM."""
