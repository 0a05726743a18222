"""One tree of errors; the message of each is what a person reads: what happened, and what to do."""


class EarshotError(Exception):
    """The root: str() of it is one sentence fit for a user or an operator."""


class SetupError(EarshotError):
    """The program can't start as it is set up; the process says why and exits with code 2."""
