"""The lab's command line: which programs and images it is given."""

_MAIN = "testlab/lab/main.py"

_PROGRAMS = {
    "harbor-bridge": "//harbor_bridge:harbor-bridge",
    "kraken-agent": "//kraken/agent:kraken-agent",
    "kraken-build-index": "//kraken/build_index:kraken-build-index",
    "kraken-origin": "//kraken/origin:kraken-origin",
    "kraken-tracker": "//kraken/tracker:kraken-tracker",
    "krakenctl": "//kraken/krakenctl",
}

# What fills an origin.
_MEASURED_WITH = {
    "fill-store": "//kraken/storage/testing:fill_store",
}

_IMAGES = {
    "app": "//testlab/images:kraken_agent_image",
    "debian": "//testlab/images:debian_image",
    "debian_second": "//testlab/images:debian_image_second",
    "platforms": "//testlab/images:platforms_index",
}

PROGRAMS = _PROGRAMS.values()
LAB_DATA = ["//testlab/lab"] + PROGRAMS + _IMAGES.values()

def lab_arguments(mode):
    """What stands after run_python.sh.

    Args:
      mode: "e2e" or "up".

    Returns:
      A list for `args`.
    """
    images = ["--image=%s=$(rootpath %s)" % item for item in _IMAGES.items()]
    return [_MAIN, mode] + _program_arguments(_PROGRAMS) + images

def measurement(name):
    """A program that measures our processes in a small cluster and prints a table.

    Args:
      name: the target's name, which is the lab's mode too.
    """
    programs = dict(_PROGRAMS, **_MEASURED_WITH)
    native.sh_binary(
        name = name,
        testonly = True,
        srcs = ["//tools:run_python.sh"],
        args = [_MAIN, name] + _program_arguments(programs),
        data = ["//testlab/lab"] + programs.values(),
        tags = ["benchmark"],
    )

# Of a cluster to which nobody comes to pull.
_BRIDGED = [
    "harbor-bridge",
    "kraken-build-index",
    "kraken-origin",
    "kraken-tracker",
]
BRIDGED_PROGRAMS = [_PROGRAMS[name] for name in _BRIDGED]

def program_arguments():
    """Names and paths of the programs, as arguments."""
    return _program_arguments(_PROGRAMS)

def bridged_program_arguments():
    """The same, of BRIDGED_PROGRAMS."""
    return _program_arguments({name: _PROGRAMS[name] for name in _BRIDGED})

def _program_arguments(programs):
    return ["--program=%s=$(rootpath %s)" % item for item in programs.items()]
