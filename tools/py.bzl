"""Python tests without Bazel's launcher, which wants a `python` that Debian does not have."""

def kh_py_test(name, src, deps = [], data = [], args = [], size = "small", **kwargs):
    """A test program in Python 3 (standard library only).

    Args:
      name: the target's name.
      src: the program. It imports modules by their path in the repository.
      deps: py_library targets.
      data: files it reads.
      args: arguments, after the program's own name.
      size: as in sh_test.
      **kwargs: everything else that sh_test takes.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tools:run_python.sh"],
        args = ["$(rootpath %s)" % src] + args,
        data = [src] + deps + data,
        **kwargs
    )
