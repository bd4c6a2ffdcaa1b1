"""Webhook policies of projects, and what becomes of each event: three attempts, then an error."""

import concurrent.futures
import http.client
import itertools
import threading
import urllib.parse

from testlab.lab.harbor import payloads, times

EVENT_TYPES = (
    *("PUSH_ARTIFACT", "PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED"),
    *("SCANNING_FAILED", "QUOTA_EXCEED", "QUOTA_WARNING", "REPLICATION", "TAG_RETENTION"),
)
# Before each attempt; measured at Harbor 2.6.4. There is none after the last.
ATTEMPT_DELAYS_S = (2, 25, 95)
_TIMEOUT_S = 3
_WORKERS = 10


class Webhooks:
    """`projects`: Projects; `address`: what Harbor calls itself, without a scheme."""

    def __init__(self, version, projects, created_of, address, delays_s=ATTEMPT_DELAYS_S):
        """`created_of(repository)`: when it was made, or None."""
        self._version = version
        self._projects = projects
        self._created_of = created_of
        self._address = address
        self._delays_s = delays_s
        self._lock = threading.Lock()
        self._policies = {}
        self._executions = {}
        self._numbers = itertools.count(1)
        self._stop = threading.Event()
        self._workers = concurrent.futures.ThreadPoolExecutor(_WORKERS)

    def policies(self, project):
        """Of a Project, as the API shows them."""
        with self._lock:
            return list(self._policies.get(project.name, {}).values())

    def policy(self, project, number):
        """None: there is none."""
        return self._policies.get(project.name, {}).get(number)

    def put(self, project, wanted, number=None):
        """Makes a policy, or (`number`) changes one; returns it. None: the name is taken."""
        with self._lock:
            others = self._policies.setdefault(project.name, {})
            if any(
                other["name"] == wanted["name"] and other["id"] != number
                for other in others.values()
            ):
                return None
            now = times.text(times.now())
            number = number or next(self._numbers)
            policy = {
                "creation_time": others.get(number, {}).get("creation_time", now),
                "update_time": now,
                "id": number,
                "project_id": project.number,
                "name": wanted["name"],
                "description": wanted.get("description", ""),
                "enabled": wanted.get("enabled", False),
                "event_types": wanted["event_types"],
                "targets": [self._target(target) for target in wanted["targets"]],
            }
            others[number] = policy
            return policy

    def _target(self, wanted):
        target = {
            "type": wanted["type"],
            "address": wanted["address"],
            "auth_header": wanted.get("auth_header", ""),
            "skip_cert_verify": wanted.get("skip_cert_verify", False),
        }
        if self._version.has_cloud_events:
            target["payload_format"] = wanted.get("payload_format") or payloads.DEFAULT
        return target

    def remove(self, project, number):
        """False: there is none."""
        with self._lock:
            return self._policies.get(project.name, {}).pop(number, None) is not None

    def executions(self, number):
        """What was sent for a policy, the newest first."""
        with self._lock:
            return list(reversed(self._executions.get(number, [])))

    def on_event(self, event):
        """Sends it to whom it may concern, in the background."""
        project = self._projects.of(event.repository)
        for policy in self.policies(project):
            if not policy["enabled"] or event.kind not in policy["event_types"]:
                continue
            created = self._created_of(event.repository)
            data = payloads.data_of(event, self._address, project, created)
            for target in policy["targets"]:
                payload_format = target.get("payload_format", payloads.DEFAULT)
                body = payloads.body(event, data, payload_format, self._version, policy)
                execution = self._new_execution(policy)
                self._workers.submit(self._deliver, target, payload_format, body, execution)

    def _new_execution(self, policy):
        with self._lock:
            execution = {
                "id": next(self._numbers),
                "vendor_type": "WEBHOOK",
                "vendor_id": policy["id"],
                "trigger": "EVENT",
                "status": "Running",
                "start_time": times.text(times.now()),
                "metrics": {"task_count": 1},
            }
            self._executions.setdefault(policy["id"], []).append(execution)
            return execution

    def _deliver(self, target, payload_format, body, execution):
        headers = {"Content-Type": payloads.content_type(payload_format)}
        if target["auth_header"]:
            headers["Authorization"] = target["auth_header"]
        status = "Error"
        for delay_s in self._delays_s:
            if self._stop.wait(delay_s):
                return
            if _post(target["address"], body, headers):
                status = "Success"
                break
        with self._lock:
            execution["status"] = status
            execution["end_time"] = times.text(times.now())

    def close(self):
        self._stop.set()
        self._workers.shutdown()


def _post(address, body, headers):
    """Whether the answer was 2xx. Plain HTTP only, as the lab's bridge listens."""
    url = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", url.path, body, headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
