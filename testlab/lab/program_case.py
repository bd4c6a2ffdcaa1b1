"""What each test with real processes is told: where the programs are."""

import argparse
import sys
import unittest

# name: path
PROGRAMS = {}


def main():
    """Runs the tests of the program that calls it: PROGRAM --program=NAME=PATH..."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", action="append", default=[], metavar="NAME=PATH")
    options, rest = parser.parse_known_args()
    PROGRAMS.update(item.split("=", 1) for item in options.program)
    unittest.main(argv=[sys.argv[0], *rest])
