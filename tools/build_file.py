"""Reads a BUILD file without Bazel: Starlark's BUILD dialect is valid Python.

Every function that the file calls is recorded, none is carried out.
"""

import os


class _Unknown:
    """A value that only Bazel knows: empty where it is iterated over, no part of a sum."""

    def __iter__(self):
        return iter(())

    def __getitem__(self, key):
        return self

    def __add__(self, other):
        return other

    def __radd__(self, other):
        return other


class Call(_Unknown):
    """One call in a BUILD file: what was called, and with which arguments."""

    def __init__(self, function, args, kwargs):
        self.function = function
        self.args = args
        self.kwargs = kwargs

    @property
    def name(self):
        return self.kwargs.get("name", "")


class _Scope(dict):
    """Names of a BUILD file; one that nothing defined is a function to record."""

    def __init__(self, calls):
        super().__init__()
        self._calls = calls
        self["glob"] = lambda *args, **kwargs: []
        self["select"] = _flatten_select
        self["load"] = lambda *args, **kwargs: self._calls.append(Call("load", args, kwargs))
        self["True"] = True
        self["False"] = False

    def __missing__(self, name):
        builtin = __builtins__ if isinstance(__builtins__, dict) else vars(__builtins__)
        if name in ("len", "range", "sorted", "dict", "list", "str", "zip", "enumerate"):
            return builtin[name]
        return _Recorder(name, self._calls)


class _Recorder(_Unknown):
    """A name that nothing in the file defines: a function to record, or a loaded constant."""

    def __init__(self, name, calls):
        self._name = name
        self._calls = calls

    def __getattr__(self, member):
        return _Recorder(self._name + "." + member, self._calls)

    def __call__(self, *args, **kwargs):
        call = Call(self._name, args, kwargs)
        self._calls.append(call)
        return call


def _flatten_select(branches, **_):
    """All branches of a select() as one value: what holds for each holds for the union."""
    values = list(branches.values())
    if values and isinstance(values[0], list):
        return [item for value in values for item in value]
    return values


def read_calls(text, path):
    """The calls of a BUILD file, in order. Raises SyntaxError and the like for a bad file."""
    calls = []
    exec(compile(text, path, "exec"), _Scope(calls))  # pylint: disable=exec-used
    return calls


def strings_in(value):
    """All strings in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings_in(key)
            yield from strings_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings_in(item)
    elif isinstance(value, Call):
        yield from strings_in(value.args)
        yield from strings_in(value.kwargs)


def find_build_files(root):
    """Paths, relative to `root`, of all BUILD files, third parties' overlays left out."""
    found = []
    for folder, subfolders, files in os.walk(root):
        relative = os.path.relpath(folder, root)
        subfolders[:] = sorted(
            name
            for name in subfolders
            if not name.startswith((".", "bazel-"))
            and not os.path.islink(os.path.join(folder, name))
        )
        for name in ("BUILD.bazel", "BUILD"):
            if name in files:
                found.append(os.path.normpath(os.path.join(relative, name)))
                break
    return found
