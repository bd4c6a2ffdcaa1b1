"""Tests of waiting by condition."""

import unittest

from testlab.lab import wait
from testlab.lab.errors import LabError


class UntilTest(unittest.TestCase):
    def test_returns_what_came_true(self):
        answers = iter([0, None, "", "here"])
        self.assertEqual(wait.until("it", lambda: next(answers), 10, interval_s=0), "here")

    def test_a_refused_connection_is_asked_again(self):
        answers = iter([ConnectionRefusedError(), 7])

        def condition():
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.assertEqual(wait.until("it", condition, 10, interval_s=0), 7)

    def test_says_what_it_waited_for_and_saw(self):
        with self.assertRaisesRegex(LabError, "waited 0 s for rain; last seen: 0"):
            wait.until("rain", lambda: 0, 0, interval_s=0)

    def test_other_errors_are_errors(self):
        with self.assertRaises(ValueError):
            wait.until("it", lambda: int("x"), 10)


if __name__ == "__main__":
    unittest.main()
