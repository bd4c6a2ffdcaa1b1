"""wrk, which asks for one thing again and again over several connections."""

import dataclasses
import json
import os

from testlab.lab import process
from testlab.lab.errors import LabError

_TIMEOUT_S = 60
# wrk's own table rounds.
_SCRIPT = """
done = function(summary)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"us": %d, "requests": %d, "bytes": %d, "wrong": %d, "broken": %d}\\n',
    summary.duration, summary.requests, summary.bytes, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclasses.dataclass(frozen=True)
class Load:
    """What came back."""

    requests_per_s: float
    bytes_per_s: float


class Wrk:
    """Runs it on a host."""

    def __init__(self, host, folder):
        self._host = host
        self._script = os.path.join(folder, "wrk.lua")
        with open(self._script, "w", encoding="ascii") as file:
            file.write(_SCRIPT)

    def load(self, url, connections, seconds):
        """LabError if an answer is an error, or none comes."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=30s"]
        command += ["-s", self._script, url]
        printed = process.run(self._host, command, seconds + _TIMEOUT_S).stdout
        _, _, result = printed.partition("\nRESULT ")
        if not result:
            raise LabError(f"{' '.join(command)}: {printed}")
        told = json.loads(result)
        if told["wrong"] or told["broken"] or not told["bytes"]:
            raise LabError(f"{' '.join(command)}: {told}")
        seconds = told["us"] / 1e6
        return Load(told["requests"] / seconds, told["bytes"] / seconds)
