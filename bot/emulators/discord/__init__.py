"""A Discord on loopback: REST, gateway, voice gateway, SFU and DAVE delivery service."""
