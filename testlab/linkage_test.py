"""What our programs need of the machine they run on: the C library and the compiler's, no more."""

import subprocess
import sys
import unittest

_ALLOWED = {
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
    "libstdc++.so.6",
}
# BoringSSL has it, and so has OpenSSL: defined twice, two libraries are in the process.
_TLS_FUNCTION = "SSL_CTX_new"

programs = []


def _run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class LinkageTest(unittest.TestCase):
    def test_needs_only_what_every_debian_has(self):
        self.assertTrue(programs)
        for program in programs:
            needed = {
                line.split("[")[1].rstrip("]")
                for line in _run("readelf", "--dynamic", "--wide", program).splitlines()
                if "(NEEDED)" in line
            }
            self.assertIn("libc.so.6", needed, program)
            self.assertLessEqual(needed, _ALLOWED, program)

    def test_brings_one_tls_library(self):
        for program in programs:
            defined = [
                line
                for line in _run("readelf", "--symbols", "--wide", program).splitlines()
                if line.split()[-1:] == [_TLS_FUNCTION] and " UND " not in line
            ]
            self.assertEqual(len(defined), 1, program)


if __name__ == "__main__":
    programs = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
