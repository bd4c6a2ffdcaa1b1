"""Reads Bazel's build event file: how many tests passed, and the logs of those that did not.

  python3 tools/test_report.py EVENTS.json

Prints the end of each failed test's log, then "tests: N passed, N failed". A test that could not be
built counts as failed, and so does a build that broke elsewhere. Exit code 1 when any failed.
"""

import json
import sys
import urllib.parse

# Of each failed test: enough to see why, not enough to drown the other failures.
MAX_LOG_LINES = 150
_PASSED = ("PASSED", "FLAKY")


class Report:
    """What the events of one `bazel test` say."""

    def __init__(self):
        self.passed = []
        self.failed = {}  # label -> status
        self.logs = {}  # label -> paths of failed attempts' logs
        self.exit_name = "no end recorded"

    @property
    def build_broken(self):
        """Something else than a test went wrong."""
        return self.exit_name not in ("SUCCESS", "TESTS_FAILED")

    @property
    def failures(self):
        """Failed tests; a broken build without one counts as one failure."""
        return len(self.failed) or int(self.build_broken)


def read_events(lines):
    """A Report from the lines of --build_event_json_file."""
    report = Report()
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # The last line of a Bazel that was killed.
        identity = event.get("id", {})
        if "testSummary" in identity:
            label = identity["testSummary"]["label"]
            status = event.get("testSummary", {}).get("overallStatus", "NO_STATUS")
            if status in _PASSED:
                report.passed.append(label)
            else:
                report.failed[label] = status
        elif "testResult" in identity:
            result = event.get("testResult", {})
            if result.get("status") not in _PASSED:
                paths = report.logs.setdefault(identity["testResult"]["label"], [])
                paths += [
                    urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
                    for output in result.get("testActionOutput", [])
                    if output.get("name") == "test.log"
                ]
        elif "targetCompleted" in identity and not event.get("completed", {}).get("success"):
            report.failed.setdefault(identity["targetCompleted"]["label"], "FAILED_TO_BUILD")
        elif "buildFinished" in identity:
            report.exit_name = event.get("finished", {}).get("exitCode", {}).get("name", "unknown")
    return report


def print_failures(report):
    for label, status in sorted(report.failed.items()):
        print("\n=== %s: %s" % (status, label))
        for path in report.logs.get(label, [])[:1]:
            try:
                with open(path, encoding="utf-8", errors="replace") as log:
                    lines = log.read().splitlines()
            except OSError as error:
                print("    no log: %s" % error)
                continue
            if len(lines) > MAX_LOG_LINES:
                print("    (the last %d of %d lines of %s)" % (MAX_LOG_LINES, len(lines), path))
            for line in lines[-MAX_LOG_LINES:]:
                print("    " + line)


def main(arguments):
    try:
        with open(arguments[1], encoding="utf-8") as events:
            report = read_events(events)
    except OSError as error:
        print("no test was run: %s" % error)
        report = Report()
    print_failures(report)
    if report.build_broken:
        print("\nBazel ended with %s" % report.exit_name)
    print("tests: %d passed, %d failed" % (len(report.passed), report.failures))
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
