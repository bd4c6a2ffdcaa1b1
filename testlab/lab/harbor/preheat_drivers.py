"""How Harbor speaks to P2P providers: "kraken", and "dragonfly" from Harbor 2.12 on."""

import base64
import dataclasses
import http.client
import json
import secrets
import urllib.parse

from testlab.lab.errors import LabError
from testlab.lab.harbor import times

_TIMEOUT_S = 30
# What every image is said to be, whatever it is.
_SCHEMA_2 = "application/vnd.docker.distribution.manifest.v2+json"
_SUBJECT = "distributor"
SUCCESS, ERROR, RUNNING = "Success", "Error", "Running"


@dataclasses.dataclass(frozen=True)
class Image:
    """What is to be preheated. `url`: of its manifest at Harbor, by its tag."""

    repository: str
    digest: str
    tag: str
    url: str


class Provider:
    """A preheat instance, asked as Harbor asks it. LabError says what it answered."""

    def __init__(self, version, instance):
        self._endpoint = instance["endpoint"].rstrip("/")
        self._headers = _credentials(version, instance)

    def _ask(self, method, path, value=None):
        """The body of an answer that is 2xx."""
        url = urllib.parse.urlsplit(self._endpoint + path)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=_TIMEOUT_S)
        headers = {"Accept": "application/json", **self._headers}
        body = None
        if value is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(value, separators=(",", ":")).encode()
        try:
            connection.request(method, url.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise LabError(f"{method} {self._endpoint}{path}: {error!r}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise LabError(f"{method} {self._endpoint}{path}: {answer.status} {text[:500]!r}")
        return text


class Kraken(Provider):
    """It is told of a push, and believed to have done what it was told."""

    def check_health(self):
        self._ask("GET", "/health")

    def preheat(self, image, _):
        """The number of a job to ask after; None: Harbor takes it for done."""
        self.check_health()
        target = {
            "MediaType": _SCHEMA_2,
            "Digest": image.digest,
            "Repository": image.repository,
            "Url": image.url,
            "Tag": image.tag,
        }
        event = {
            "Id": secrets.token_urlsafe(24),
            "TimeStamp": times.now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
            "Action": "push",
            "Target": target,
            "Request": None,
            "Actor": None,
        }
        self._ask("POST", "/registry/notifications", {"Events": [event]})


class Dragonfly(Provider):
    """It is given a job and a token, and asked how the job goes."""

    def check_health(self):
        self._ask("GET", "/healthy")

    def preheat(self, image, token_for):
        """As Kraken.preheat(). `token_for(subject, repository)`: for pulling it."""
        self.check_health()
        arguments = {
            "type": "image",
            "url": image.url,
            "tag": "",
            "filtered_query_params": "",
            "headers": {"Authorization": f"Bearer {token_for(_SUBJECT, image.repository)}"},
            "scope": "single_seed_peer",
            "concurrent_count": 0,
            "timeout": 0,
        }
        job = {"type": "preheat", "args": arguments, "scheduler_cluster_ids": None}
        return json.loads(self._ask("POST", "/oapi/v1/jobs", job))["id"]

    def progress(self, number):
        """(SUCCESS, ERROR or RUNNING, what went wrong)"""
        job = json.loads(self._ask("GET", f"/oapi/v1/jobs/{number}"))
        if job["state"] == "PENDING":
            return RUNNING, ""
        if job["state"] == "SUCCESS":
            return SUCCESS, ""
        return ERROR, "; ".join(state["error"] for state in job["result"]["job_states"])


def provider(version, instance):
    """The driver for an instance. LabError: Harbor has none for it."""
    if instance["vendor"] == "kraken":
        return Kraken(version, instance)
    if instance["vendor"] == "dragonfly" and version.has_preheat_jobs:
        return Dragonfly(version, instance)
    raise LabError(f"the lab's Harbor {version} has no driver {instance['vendor']}")


def _credentials(version, instance):
    """The header that an instance's auth_mode asks for."""
    mode, info = instance["auth_mode"], instance.get("auth_info") or {}
    if mode == "NONE":
        return {}
    if not version.keeps_preheat_credentials or len(info) != 1:
        raise LabError("no credential data provided")
    ((key, value),) = info.items()
    if mode == "BASIC":
        pair = base64.b64encode(f"{key}:{value}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if mode == "OAUTH":
        return {"Authorization": f"Bearer {info['token']}"}
    return {key: value}
