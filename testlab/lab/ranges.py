"""curl, which fetches one blob by several ranges at once, as containerd 2 does."""

from testlab.lab import process
from testlab.lab.errors import LabError

_TIMEOUT_S = 120


def fetch_by_ranges(host, url, size_bytes, count, folder):
    """The blob's bytes, put together from `count` ranges that one curl fetched in parallel.

    Each range must be answered by 206; LabError otherwise.
    """
    bounds = [size_bytes * number // count for number in range(count + 1)]
    command = ["curl", "--silent", "--show-error", "--parallel", "--parallel-max", str(count)]
    command += ["--parallel-immediate"]
    paths = []
    for number, (first, end) in enumerate(zip(bounds, bounds[1:])):
        paths.append(f"{folder}/range-{number}")
        command += ["--next"] if number else []
        command += ["--fail", "--range", f"{first}-{end - 1}", "--output", paths[-1]]
        command += ["--write-out", "%{http_code} %{size_download}\n", url]
    told = process.run(host, command, _TIMEOUT_S).stdout.splitlines()
    expected = [f"206 {end - first}" for first, end in zip(bounds, bounds[1:])]
    if sorted(told) != sorted(expected):
        raise LabError(f"curl of {count} ranges of {url}: {told}, not {expected}")
    content = b""
    for path in paths:
        with open(path, "rb") as file:
            content += file.read()
    return content
