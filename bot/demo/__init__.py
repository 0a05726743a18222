"""The demo: a person talks with the unmodified bot on loopback, and what each heard is measured and drawn."""
