"""Two ways of doing the same, measured in turns: what else the machine does hits both."""

import statistics


class Pairs:
    """Measurements of ours and theirs, taken together; the ratio is of each pair."""

    def __init__(self):
        self.ours = []
        self.theirs = []

    def measure(self, count, ours, theirs, before=lambda: None):
        """Calls both `count` times; each goes first every other time. They return numbers.

        `before` is called before each pair.
        """
        for number in range(count):
            before()
            if number % 2:
                their = theirs()
                our = ours()
            else:
                our = ours()
                their = theirs()
            self.ours.append(our)
            self.theirs.append(their)
        return self

    @property
    def ratios(self):
        """ours : theirs, of each pair."""
        return [our / their for our, their in zip(self.ours, self.theirs)]

    @property
    def median_ratio(self):
        return statistics.median(self.ratios)

    def told(self, say):
        """ "0.98 (0.91 to 1.05) in 9 pairs; 1.02 GB/s and 1.04 GB/s"; `say` words a number."""
        ratios = self.ratios
        return (
            f"{self.median_ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f}) "
            f"in {len(ratios)} pairs; medians {say(statistics.median(self.ours))} "
            f"and {say(statistics.median(self.theirs))}"
        )
