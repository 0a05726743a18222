"""The demo: people talk with the unmodified bot on loopback, and what each heard is measured and drawn."""
