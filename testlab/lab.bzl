"""The lab's command line: which programs and images it is given."""

_MAIN = "testlab/lab/main.py"

_PROGRAMS = {
    "harbor-bridge": "//harbor_bridge:harbor-bridge",
    "kraken-agent": "//kraken/agent:kraken-agent",
    "kraken-build-index": "//kraken/build_index:kraken-build-index",
    "kraken-origin": "//kraken/origin:kraken-origin",
    "kraken-tracker": "//kraken/tracker:kraken-tracker",
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
    programs = ["--program=%s=$(rootpath %s)" % item for item in _PROGRAMS.items()]
    images = ["--image=%s=$(rootpath %s)" % item for item in _IMAGES.items()]
    return [_MAIN, mode] + programs + images
