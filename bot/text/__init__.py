"""Text between models and people: Markdown made safe for Discord, and cut into pages. Pure functions."""
