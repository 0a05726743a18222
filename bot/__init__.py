"""Earshot: a Discord bot that hears, sees, reads, makes and talks."""
