"""Tests of the report."""

import unittest

from testlab.lab.errors import LabError
from testlab.lab.report import Report


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.lines = []
        self.report = Report(2, self.lines.append)

    def test_numbers_and_times_steps(self):
        with self.report.step("one", "first"):
            self.report.say("half")
        self.assertEqual(self.lines[:2], ["[ 1/2] first", "        half"])
        self.assertRegex(self.lines[2], r"done in 0\.\d s")

    def test_a_claim_that_does_not_hold_ends_the_step_and_marks_the_row(self):
        with self.assertRaisesRegex(LabError, "share: 3 %; it must be: more than 50 %"):
            with self.report.step("pull", "pull all"):
                self.report.check("share", False, "3 %", "more than 50 %")
        self.assertEqual(self.report.failed, "pull")
        self.assertIn("FAILED", self.report.table())

    def test_the_table_has_what_was_measured(self):
        self.report.check("share", True, "81 %", "more than 50 %")
        self.report.note("time", "3 s")
        self.report.skip("slow", "no namespaces")
        table = self.report.table()
        for text in ("share", "81 %", "more than 50 %", "3 s", "not run", "no namespaces"):
            self.assertIn(text, table)
        self.assertNotIn("FAILED", table)
        self.assertIsNone(self.report.failed)
        self.assertEqual(self.report.claims, 1)


if __name__ == "__main__":
    unittest.main()
