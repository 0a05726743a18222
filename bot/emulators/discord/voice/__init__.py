"""The voice half of the loopback Discord: gateway v8, SFU on UDP, DAVE delivery service."""
