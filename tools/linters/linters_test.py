"""Each check finds what it is there for, and --fix mends it."""

import unittest

from tools.linters import build_style, cpp_style, generic


def messages(problems):
    return [problem.message for problem in problems]


class BuildStyleTest(unittest.TestCase):
    path = "kraken/net/BUILD.bazel"

    def check(self, text):
        return messages(build_style.check(self.path, text))

    def fix_and_check(self, text):
        fixed = build_style.fix(self.path, text)
        self.assertEqual(self.check(fixed), [])
        return fixed

    def test_accepts_good_file(self):
        text = (
            'load("//tools:cc.bzl", "kh_cc_library", "kh_cc_test")\n\n'
            "kh_cc_library(\n"
            '    name = "a",\n'
            '    srcs = ["a.cc"],\n'
            "    deps = [\n"
            '        ":b",\n'
            '        "//kraken/base:digest",\n'
            '        "@zlib",\n'
            "    ],\n"
            ")\n\n"
            'kh_cc_test(name = "t")\n'
        )
        self.assertEqual(self.check(text), [])
        self.assertEqual(build_style.fix(self.path, text), text)

    def test_unsorted_list_is_found_and_sorted(self):
        text = 'x(\n    name = "a",\n    deps = [\n        "//b",\n        ":a",\n    ],\n)\n'
        self.assertEqual(self.check(text), ["deps is not sorted"])
        fixed = self.fix_and_check(text)
        self.assertLess(fixed.index(":a"), fixed.index("//b"))

    def test_unsorted_branch_of_select_is_found(self):
        text = 'x(name = "a", srcs = ["z.cc"] + select({":c": ["b.cc", "a.cc"]}))\n'
        self.assertEqual(self.check(text), ["srcs is not sorted"])
        self.fix_and_check(text)

    def test_double_entry_is_found_and_removed(self):
        text = 'x(name = "a", deps = [":b", ":b"])\n'
        self.assertEqual(self.check(text), ["deps names something twice"])
        # One entry is left in order, so a second look is content.
        self.assertEqual(self.fix_and_check(text).count(":b"), 1)

    def test_single_quotes_are_found_and_mended(self):
        text = "x(name = 'a')\n"
        self.assertEqual(self.check(text), ["strings take double quotes"])
        self.fix_and_check(text)

    def test_missing_comma_is_found_and_mended(self):
        text = 'x(\n    name = "a",\n    size = "small"\n)\n'
        self.assertEqual(self.check(text), ["no comma after the last element"])
        self.fix_and_check(text)

    def test_comprehension_and_index_need_no_comma(self):
        text = "a = [\n    x\n    for x in y\n]\nb = a[\n    0\n]\n"
        self.assertEqual(self.check(text), [])

    def test_native_cc_rule_is_found_only_in_our_packages(self):
        text = 'cc_library(name = "a")\n'
        self.assertEqual(self.check(text), ["use kh_cc_library of //tools:cc.bzl"])
        self.assertEqual(build_style.check("third_party/x/BUILD.bazel", text), [])

    def test_odd_indentation_is_found(self):
        self.assertEqual(
            self.check('x(\n  name = "a",\n)\n'), ["indentation is not a multiple of 4"]
        )

    def test_order_of_loads_is_checked(self):
        def loads(*files):
            lines = ['load("%s", "f%d")\n' % (file, i) for i, file in enumerate(files)]
            return "".join(lines) + "[f0, f1, f2]\n"

        self.assertEqual(self.check(loads("@x//:a.bzl", "//tools:b.bzl", ":c.bzl")), [])
        self.assertEqual(len(self.check(loads("//tools:b.bzl", "@x//:a.bzl", ":c.bzl"))), 1)

    def test_unused_load_is_found(self):
        self.assertEqual(self.check('load("//a:b.bzl", "c")\n'), ["c is loaded but not used"])

    def test_syntax_error_is_found(self):
        self.assertEqual(len(self.check("x(\n")), 1)


class CppStyleTest(unittest.TestCase):
    def test_wrong_guard_is_found_and_mended(self):
        path = "kraken/net/token_bucket.h"
        text = "#ifndef A_H\n#define A_H\n\nint x;\n\n#endif\n"
        self.assertEqual(len(cpp_style.check(path, text)), 1)
        fixed = cpp_style.fix(path, text)
        self.assertEqual(cpp_style.check(path, fixed), [])
        self.assertTrue(fixed.endswith("#endif  // KRAKEN_NET_TOKEN_BUCKET_H_\n"))

    def test_banned_include_is_found(self):
        found = cpp_style.check("kraken/net/a.cc", "#include <mutex>\n#include <vector>\n")
        self.assertEqual(len(found), 1)
        self.assertEqual(found[0].line, 1)

    def test_iostream_is_for_programs(self):
        text = "#include <iostream>\n"
        self.assertEqual(len(cpp_style.check("kraken/net/a.cc", text)), 1)
        self.assertEqual(cpp_style.check("kraken/net/a_benchmark.cc", text), [])

    def test_include_without_folder_is_found(self):
        self.assertEqual(len(cpp_style.check("kraken/net/a.cc", '#include "b.h"\n')), 1)

    def test_using_namespace_is_found_but_for_literals(self):
        self.assertEqual(len(cpp_style.check("a.cc", "using namespace std;\n")), 1)
        self.assertEqual(cpp_style.check("a.cc", "using namespace std::literals;\n"), [])


class GenericTest(unittest.TestCase):
    banned = generic.read_banned("# comment\n/hidden/\ta secret place\n")

    def check(self, text, path="docs/a.py"):
        return messages(generic.check(path, text, self.banned))

    def test_accepts_good_file(self):
        self.assertEqual(self.check("int x;\n"), [])
        self.assertEqual(self.check(""), [])

    def test_white_space_is_found_and_mended(self):
        text = "int x; \r\nint y;\n\n\n"
        self.assertEqual(len(self.check(text)), 2)
        self.assertEqual(self.check(generic.fix("a.cc", text)), [])

    def test_missing_newline_is_found_and_mended(self):
        self.assertEqual(len(self.check("x")), 1)
        self.assertEqual(generic.fix("a.cc", "x"), "x\n")

    def test_tab_is_found(self):
        self.assertEqual(self.check("\tint x;\n"), ["a tab"])

    def test_merge_marker_is_found(self):
        for marker in ("<" * 7 + " HEAD", "=" * 7, ">" * 7 + " other"):
            self.assertEqual(self.check(marker + "\n"), ["a merge marker"])

    def test_leftover_note_is_found(self):
        self.assertEqual(len(self.check("# TO" "DO later\n")), 1)
        self.assertEqual(self.check('x == "TO' 'DO";\n'), [])

    def test_banned_pattern_is_found(self):
        self.assertEqual(self.check("open(/hidden/x)\n"), ["a secret place"])

    def test_long_line_is_found_but_for_what_cannot_be_broken(self):
        self.assertEqual(len(self.check("ab " * 40 + "c\n")), 1)
        self.assertEqual(self.check("# " + "a" * 120 + "\n"), [])
        self.assertEqual(self.check("ab " * 40 + "c\n", "README.md"), [])

    def test_long_file_is_found(self):
        self.assertEqual(len(self.check("x\n" * (generic.MAX_LINES + 1))), 1)


if __name__ == "__main__":
    unittest.main()
