"""P2P preheat policies, and their executions: a task for each tag that a policy chooses."""

import itertools
import json
import threading

from testlab.lab.errors import LabError
from testlab.lab.harbor import doublestar, events, times
from testlab.lab.harbor import preheat_drivers as drivers

EVENT_BASED, MANUAL = "EVENT_BASED", "MANUAL"
_STOPPED = "Stopped"
# Between two questions to a provider how its job goes. Harbor's own is 10 s.
_INTERVAL_S = 0.2
# Harbor gives a job up after 1801 s.
_MOST_QUESTIONS = 300


class Preheat:
    """`instances`: Instances; `tokens`: TokenService; `url`: how providers reach Harbor."""

    def __init__(self, instances, projects, catalog, tokens, url):
        self._instances = instances
        self._projects = projects
        self._catalog = catalog
        self._tokens = tokens
        self._url = url
        self._lock = threading.Lock()
        # {project: {name: as the API shows it}}
        self._policies = {}
        # {number of a policy: [as the API shows it, with its tasks]}
        self._executions = {}
        self._numbers = itertools.count(1)
        self._stop = threading.Event()

    def uses(self, instance):
        """Whether a policy needs this instance."""
        with self._lock:
            return any(
                policy["provider_id"] == instance["id"]
                for policies in self._policies.values()
                for policy in policies.values()
            )

    def policies(self, project):
        with self._lock:
            return list(self._policies.get(project.name, {}).values())

    def policy(self, project, name):
        """None: there is none."""
        return self._policies.get(project.name, {}).get(name)

    def put_policy(self, project, wanted, is_new):
        """False: there is one of this name already, or none yet."""
        with self._lock:
            policies = self._policies.setdefault(project.name, {})
            before = policies.get(wanted["name"], {})
            if bool(before) == is_new:
                return False
            now = times.text(times.now())
            policies[wanted["name"]] = {
                "creation_time": before.get("creation_time", now),
                "update_time": now,
                "id": before.get("id") or next(self._numbers),
                "name": wanted["name"],
                "description": wanted.get("description", ""),
                "project_id": project.number,
                "provider_id": wanted["provider_id"],
                "enabled": wanted.get("enabled", False),
                "filters": wanted["filters"],
                "trigger": wanted["trigger"],
            }
            return True

    def remove_policy(self, project, name):
        """False: there is none."""
        with self._lock:
            return self._policies.get(project.name, {}).pop(name, None) is not None

    def executions(self, policy):
        """The newest first."""
        with self._lock:
            return list(reversed(self._executions.get(policy["id"], [])))

    def on_event(self, event):
        """A push of an image with a tag starts what an event may start."""
        if event.kind != events.PUSH or not event.tag:
            return
        project = self._projects.of(event.repository)
        for policy in self.policies(project):
            by_event = json.loads(policy["trigger"])["type"] == "event_based"
            if by_event and policy["enabled"] and self._chooses(policy, event.artifact, event.tag):
                self._start(policy, EVENT_BASED, [(event.artifact, event.tag)])

    def run(self, project, policy):
        """Starts an execution, as somebody in the portal does; returns it."""
        chosen = [
            (artifact, tag)
            for artifact in self._catalog.artifacts(*self._catalog.repositories(project.name))
            for tag in artifact.tags
            if self._chooses(policy, artifact, tag)
        ]
        return self._start(policy, MANUAL, chosen)

    def _chooses(self, policy, artifact, tag):
        within = artifact.repository.partition("/")[2]
        texts = {"repository": within, "tag": tag}
        return all(
            doublestar.matches(entry["value"], texts[entry["type"]])
            for entry in json.loads(policy["filters"])
            if entry["type"] in texts
        )

    def _start(self, policy, trigger, chosen):
        tasks = [
            {
                "id": next(self._numbers),
                "status": "Pending",
                "status_message": "",
                "extra_attrs": {"artifact": f"{artifact.repository}:{tag}"},
            }
            for artifact, tag in chosen
        ]
        execution = {
            "id": next(self._numbers),
            "vendor_type": "P2P_PREHEAT",
            "vendor_id": policy["id"],
            "trigger": trigger,
            "status": drivers.RUNNING if tasks else drivers.SUCCESS,
            "start_time": times.text(times.now()),
            "metrics": {"task_count": len(tasks)},
            "tasks": tasks,
        }
        with self._lock:
            self._executions.setdefault(policy["id"], []).append(execution)
        for task, (artifact, tag) in zip(tasks, chosen, strict=True):
            arguments = (policy, execution, task, artifact, tag)
            threading.Thread(target=self._work, args=arguments, daemon=True).start()
        return execution

    def _work(self, policy, execution, task, artifact, tag):
        """One attempt; there is no other."""
        try:
            status, message = self._preheat(policy, task, artifact, tag)
        except LabError as error:
            status, message = drivers.ERROR, str(error)
        with self._lock:
            if task["status"] != _STOPPED:
                task["status"], task["status_message"] = status, message
            ended = {other["status"] for other in execution["tasks"]}
            if ended <= {drivers.SUCCESS, drivers.ERROR, _STOPPED}:
                failed = ended - {drivers.SUCCESS}
                execution["status"] = min(failed) if failed else drivers.SUCCESS
                execution["end_time"] = times.text(times.now())

    def _preheat(self, policy, task, artifact, tag):
        """(status, message)"""
        driver = self._instances.driver(policy["provider_id"])
        task["status"] = drivers.RUNNING
        url = f"{self._url}/v2/{artifact.repository}/manifests/{tag}"
        image = drivers.Image(artifact.repository, artifact.digest, tag, url)
        number = driver.preheat(image, self._tokens.pull_token)
        if number is None:
            return drivers.SUCCESS, ""
        for _ in range(_MOST_QUESTIONS):
            if self._stop.wait(_INTERVAL_S) or task["status"] == _STOPPED:
                return _STOPPED, ""
            status, message = driver.progress(number)
            if status != drivers.RUNNING:
                return status, message
        return drivers.ERROR, "it took too long"

    def stop(self, execution):
        """Gives up what of it has not ended."""
        with self._lock:
            for task in execution["tasks"]:
                if task["status"] in ("Pending", drivers.RUNNING):
                    task["status"] = _STOPPED

    def close(self):
        self._stop.set()
