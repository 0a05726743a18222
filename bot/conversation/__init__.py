"""One conversation a voice channel: joins voice to live."""
