"""What a check reports, and what it may fix."""

import dataclasses


@dataclasses.dataclass(frozen=True, order=True)
class Problem:
    """One finding: a place and what is wrong there."""

    path: str
    line: int  # From 1; 0 for the file as a whole.
    message: str

    def __str__(self):
        place = "%s:%d" % (self.path, self.line) if self.line else self.path
        return "%s: %s" % (place, self.message)
