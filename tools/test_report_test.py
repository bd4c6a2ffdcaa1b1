"""The counts of a Bazel run, from its events."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from tools import test_report


def _summary(label, status):
    return {"id": {"testSummary": {"label": label}}, "testSummary": {"overallStatus": status}}


def _finished(name):
    return {"id": {"buildFinished": {}}, "finished": {"exitCode": {"name": name}}}


def _read(*events):
    return test_report.read_events([json.dumps(event) for event in events])


class TestReportTest(unittest.TestCase):
    def test_counts_passed_and_failed(self):
        report = _read(
            _summary("//a:x", "PASSED"),
            _summary("//a:y", "FLAKY"),
            _summary("//a:z", "TIMEOUT"),
            _finished("TESTS_FAILED"),
        )
        self.assertEqual(len(report.passed), 2)
        self.assertEqual(report.failures, 1)

    def test_target_that_does_not_build_is_one_failure(self):
        report = _read(
            {"id": {"targetCompleted": {"label": "//a:x"}}, "completed": {}},
            _summary("//a:x", "FAILED_TO_BUILD"),
            _finished("BUILD_FAILURE"),
        )
        self.assertEqual(report.failures, 1)

    def test_broken_build_without_failed_test_is_a_failure(self):
        report = _read(_summary("//a:x", "PASSED"), _finished("PARSING_FAILURE"))
        self.assertEqual(report.failures, 1)

    def test_killed_run_is_a_failure(self):
        lines = [json.dumps(_summary("//a:x", "PASSED")), '{"id": {"testSum']
        self.assertEqual(test_report.read_events(lines).failures, 1)

    def test_success_has_no_failure(self):
        self.assertEqual(_read(_summary("//a:x", "PASSED"), _finished("SUCCESS")).failures, 0)

    def test_prints_the_end_of_a_failed_log(self):
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "test.log")
            with open(log, "w", encoding="utf-8") as file:
                file.write("".join("line %d\n" % i for i in range(1000)))
            result = {
                "id": {"testResult": {"label": "//a:x"}},
                "testResult": {
                    "status": "FAILED",
                    "testActionOutput": [{"name": "test.log", "uri": "file://" + log}],
                },
            }
            report = _read(result, _summary("//a:x", "FAILED"), _finished("TESTS_FAILED"))
            with contextlib.redirect_stdout(io.StringIO()) as output:
                test_report.print_failures(report)
        self.assertIn("line 999\n", output.getvalue())
        self.assertNotIn("line 10\n", output.getvalue())


if __name__ == "__main__":
    unittest.main()
