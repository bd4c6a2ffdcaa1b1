"""What the run tells: lines while it goes on, a table when it is over."""

import contextlib
import time

from testlab.lab.errors import LabError


class Report:
    """Steps, and in each of them claims that were checked."""

    def __init__(self, total_steps, write=lambda line: print(line, flush=True)):
        self._total = total_steps
        self._step = 0
        self._write = write
        self._begin = time.monotonic()
        self._rows = []
        # The step that failed, by name.
        self.failed = None

    @contextlib.contextmanager
    def step(self, name, title):
        """Numbers and times a step. What goes wrong in it is told and goes on up."""
        self._step += 1
        begin = time.monotonic()
        self._write(f"[{self._step:2}/{self._total}] {title}")
        try:
            yield
        except Exception as error:
            self.failed = name
            self._write(f"        FAILED after {time.monotonic() - begin:.1f} s: {error}")
            raise
        self._write(f"        done in {time.monotonic() - begin:.1f} s")

    def skip(self, title, reason):
        self._step += 1
        self._write(f"[{self._step:2}/{self._total}] {title}\n        not run: {reason}")
        self._rows.append((title, f"not run: {reason}", "", True))

    def say(self, text):
        """Progress within a step."""
        for line in text.splitlines():
            self._write(f"        {line}")

    def check(self, claim, holds, measured, wanted):
        """A row of the table, and LabError unless it holds."""
        self.expect(claim, holds, measured, wanted)
        if not holds:
            raise LabError(f"{claim}: {measured}; it must be: {wanted}")

    def expect(self, claim, holds, measured, wanted):
        """As check, but the run goes on, to measure the rest: require_all ends it."""
        self._rows.append((claim, str(measured), wanted, bool(holds)))
        self.say(f"{claim}: {measured}")

    def require_all(self):
        """LabError if something that was expected does not hold."""
        failed = [claim for claim, _, _, holds in self._rows if not holds]
        if failed:
            raise LabError("; ".join(failed))

    def require(self, holds, problem):
        """LabError unless it holds; nothing to measure."""
        if not holds:
            raise LabError(problem)

    def note(self, what, measured):
        """A row that only informs."""
        self._rows.append((what, str(measured), "", True))
        self.say(f"{what}: {measured}")

    def table(self):
        """All rows, one a line."""
        if not self._rows:
            return "  nothing was measured"
        rows = [("what", "measured", "must be", True), *self._rows]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        lines = []
        for number, (claim, measured, wanted, holds) in enumerate(rows):
            mark = "" if holds else "   <-- FAILED"
            line = f"  {claim:{widths[0]}}  {measured:{widths[1]}}  {wanted}{mark}"
            lines.append(line.rstrip())
            if number == 0:
                lines.append("  " + "-" * (sum(widths) + 20))
        return "\n".join(lines)

    @property
    def claims(self):
        """How many were checked and held."""
        return sum(bool(wanted) and holds for _, _, wanted, holds in self._rows)

    @property
    def seconds(self):
        return time.monotonic() - self._begin


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def mebibytes(count):
    return f"{count / 2**20:.1f} MiB"


def percent(part, whole):
    return f"{100 * part / whole:.1f} %"
