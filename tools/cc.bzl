"""C++ rules for our own code: the native ones with our warnings, all of them errors."""

load("//tools:precompiled_header.bzl", "precompiled_header")

# Each flag is taken by GCC 12 and by Clang 14 and later.
_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wimplicit-fallthrough",
    "-Wpointer-arith",
    "-Wvla",
    "-Wwrite-strings",
    # Designated initializers that leave a member at its default are good style.
    "-Wno-missing-field-initializers",
    # Lets Clang pass over the names below that only GCC knows.
    "-Wno-unknown-warning-option",
    # False alarms of GCC 12 in std::string's operator+ (GCC PR 105651).
    "-Wno-restrict",
]

_GTEST = "@com_google_googletest//:gtest"
_GTEST_MAIN = "@com_google_googletest//:gtest_main"

# Parsing GoogleTest is a third of what a test costs to compile.
_GTEST_PRECOMPILED = "//tools:gtest_precompiled"
_INCLUDE_GTEST = [
    "-include",
    "$(BINDIR)/tools/gtest_precompiled.h",
    # Precompiled, the standard library is no system header any more, and GCC 12's false alarms in
    # its strings are heard.
    "-Wno-array-bounds",
    "-Wno-stringop-overflow",
    "-Wno-stringop-overread",
]
_TSAN_SUPPRESSIONS = select({
    "//tools:tsan": ["//tools:tsan_suppressions"],
    "//conditions:default": [],
})
_BENCHMARK_MAIN = "@com_github_google_benchmark//:benchmark_main"

def kh_cc_library(name, copts = [], **kwargs):
    """A cc_library of our own code."""
    native.cc_library(name = name, copts = _WARNINGS + copts, **kwargs)

def kh_cc_binary(name, copts = [], deps = [], **kwargs):
    """A cc_binary of our own code."""
    native.cc_binary(
        name = name,
        copts = _WARNINGS + copts,
        deps = deps + _TSAN_SUPPRESSIONS,
        **kwargs
    )

def kh_cc_test(name, copts = [], deps = [], size = "small", gtest_main = True, **kwargs):
    """A cc_test of our own code, linked with GoogleTest's main.

    Args:
      name: the target's name.
      copts: flags after our warnings.
      deps: as in cc_test; GoogleTest need not be named.
      size: as in cc_test.
      gtest_main: False for a test that brings its own main().
      **kwargs: everything else that cc_test takes.
    """
    if gtest_main and _GTEST_MAIN not in deps:
        deps = [dep for dep in deps if dep != _GTEST] + [_GTEST_MAIN, _GTEST_PRECOMPILED]
        copts = _INCLUDE_GTEST + copts
    native.cc_test(
        name = name,
        copts = _WARNINGS + copts,
        deps = deps + _TSAN_SUPPRESSIONS,
        size = size,
        **kwargs
    )

def kh_precompiled_header(name, copts = [], **kwargs):
    """A precompiled_header for our own code."""
    precompiled_header(name = name, copts = _WARNINGS + copts, **kwargs)

def kh_cc_benchmark(name, copts = [], deps = [], tags = [], benchmark_main = True, **kwargs):
    """A Google Benchmark program: built with the tests, run by hand.

    Args:
      name: the target's name.
      copts: flags after our warnings.
      deps: as in cc_binary; Google Benchmark need not be named.
      tags: as in cc_binary; "benchmark" is added.
      benchmark_main: False for a program that brings its own main().
      **kwargs: everything else that cc_binary takes.
    """
    if benchmark_main and _BENCHMARK_MAIN not in deps:
        deps = deps + [_BENCHMARK_MAIN]
    native.cc_binary(
        name = name,
        testonly = True,
        copts = _WARNINGS + copts,
        tags = tags + ["benchmark"],
        deps = deps,
        **kwargs
    )
