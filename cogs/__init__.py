"""Discord's front door: parse, call one thing in bot/, show the result. No logic."""
