"""Tests of the check for Debian's programs."""

import unittest
from unittest import mock

from testlab.lab import programs
from testlab.lab.errors import LabError


class ProgramsTest(unittest.TestCase):
    def test_each_package_is_one_that_bazelw_installs(self):
        with open("tools/debian-packages.txt", encoding="utf-8") as file:
            listed = programs.listed_packages(file.read())
        wanted = set(programs.PROGRAMS.values())
        for packages in programs.CLIENTS.values():
            wanted.update(packages.values())
        self.assertLessEqual(wanted, listed)

    def test_names_packages_not_programs(self):
        self.assertEqual(programs.missing(lambda name: name != "htpasswd"), ["apache2-utils"])

    def test_says_what_to_type(self):
        with mock.patch.object(programs, "missing", return_value=["iproute2", "skopeo"]):
            with self.assertRaisesRegex(LabError, "apt-get install iproute2 skopeo"):
                programs.require()


if __name__ == "__main__":
    unittest.main()
