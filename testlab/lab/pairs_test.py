"""Tests of measurements in turns."""

import unittest

from testlab.lab.pairs import Pairs


class PairsTest(unittest.TestCase):
    def setUp(self):
        self.order = []

    def _measure(self, name, values):
        values = iter(values)

        def measure():
            self.order.append(name)
            return next(values)

        return measure

    def test_each_goes_first_every_other_time(self):
        Pairs().measure(3, self._measure("a", [1, 1, 1]), self._measure("b", [1, 1, 1]))
        self.assertEqual("".join(self.order), "abbaab")

    def test_the_ratio_is_of_each_pair(self):
        pairs = Pairs().measure(3, self._measure("a", [1, 6, 3]), self._measure("b", [2, 2, 3]))
        self.assertEqual(pairs.ratios, [0.5, 3, 1])
        self.assertEqual(pairs.median_ratio, 1)
        self.assertEqual(
            pairs.told(lambda number: f"{number} s"),
            "1.000 (0.500 to 3.000) in 3 pairs; medians 3 s and 2 s",
        )


if __name__ == "__main__":
    unittest.main()
