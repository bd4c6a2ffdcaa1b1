"""What goes wrong in the lab, in words that say what was expected and what was there."""


class LabError(Exception):
    """A check that failed, or a program that did not do what it was started for."""


class Interrupted(BaseException):
    """Somebody wants the lab to end: Ctrl-C, SIGTERM, or the outer process is gone."""
