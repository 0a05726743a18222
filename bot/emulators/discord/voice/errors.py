"""What the emulated voice server won't accept from a client; each is traced as "voice.refused"."""


class RefusedError(Exception):
    """A message that is well-formed and not valid now: stale, incomplete, not this client's to send."""


class MalformedError(RefusedError):
    """Bytes that can't be parsed as what they claim to be."""
