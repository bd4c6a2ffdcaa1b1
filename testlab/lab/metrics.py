"""Prometheus' text format, as far as the lab reads it."""

import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """The numbers of one process at one moment."""

    def __init__(self, text):
        self._samples = []
        for line in text.splitlines():
            match = _SAMPLE.match(line)
            if match:
                labels = dict(_LABEL.findall(match[2] or ""))
                self._samples.append((match[1], labels, float(match[3])))

    def total(self, name, **labels):
        """The sum of a metric's samples with these labels. KeyError if there is no such metric."""
        values = [
            value
            for sample, found, value in self._samples
            if sample == name and labels.items() <= found.items()
        ]
        if not values:
            raise KeyError(f"no metric {name} with labels {labels}")
        return sum(values)
