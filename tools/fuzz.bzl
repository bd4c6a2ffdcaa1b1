"""Fuzz tests that `bazel test` replays."""

load("//tools:cc.bzl", "kh_cc_test")

def fuzz_test(name, srcs, corpus, deps = [], data = [], **kwargs):
    """Replays a corpus, and a few thousand mutations of each of its files, through a fuzz target.

    The sources define `extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t)`, which aborts
    (KH_CHECK) on what must not be. //kraken/base:fuzz_replay_main.cc says how to hunt for longer.

    Args:
      name: the target's name.
      srcs: as in cc_test.
      corpus: files, at least one, whose names have no spaces.
      deps: as in cc_test.
      data: as in cc_test; the corpus need not be named.
      **kwargs: everything else that cc_test takes.
    """
    if not corpus:
        fail("fuzz_test %s has no corpus" % name)
    kh_cc_test(
        name = name,
        srcs = srcs,
        args = ["$(rootpath %s)" % file for file in corpus],
        data = data + corpus,
        gtest_main = False,
        deps = deps + ["//kraken/base:fuzz_replay"],
        **kwargs
    )
