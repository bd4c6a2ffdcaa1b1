"""The bodies of webhooks: Harbor's own format, and CloudEvents."""

import json
import uuid

from testlab.lab.harbor import events, times

DEFAULT = "Default"
CLOUD_EVENTS = "CloudEvents"
_CONTENT_TYPES = {DEFAULT: "application/json", CLOUD_EVENTS: "application/cloudevents+json"}
_CLOUD_TYPES = {
    events.PUSH: "harbor.artifact.pushed",
    events.PULL: "harbor.artifact.pulled",
    events.DELETE: "harbor.artifact.deleted",
}
# Harbor 1.10's names.
_OLD_TYPES = {
    events.PUSH: "pushImage",
    events.PULL: "pullImage",
    events.DELETE: "deleteImage",
}


def content_type(payload_format):
    return _CONTENT_TYPES[payload_format]


def data_of(event, address, project, created):
    """`address`: Harbor's, without a scheme. `created`: the repository's time, or None."""
    separator, reference = (":", event.tag) if event.tag else ("@", event.digest)
    name = event.repository.partition("/")[2]
    repository = {
        "name": name,
        "namespace": project.name,
        "repo_full_name": event.repository,
        "repo_type": "public" if project.is_public else "private",
    }
    if created:
        repository = {"date_created": times.seconds(created), **repository}
    return {
        "resources": [
            {
                "digest": event.digest,
                # Without a tag the digest stands there too.
                "tag": reference,
                "resource_url": f"{address}/{event.repository}{separator}{reference}",
            }
        ],
        "repository": repository,
    }


def body(event, data, payload_format, version, policy):
    """As it is sent, at each attempt the same."""
    now = times.now()
    if payload_format == CLOUD_EVENTS:
        value = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "requestid": str(uuid.uuid4()),
            "source": f"/projects/{policy['project_id']}/webhook/policies/{policy['id']}",
            "type": _CLOUD_TYPES[event.kind],
            "datacontenttype": "application/json",
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "operator": event.operator,
            "data": data,
        }
    else:
        value = {
            "type": event.kind if version.has_api else _OLD_TYPES[event.kind],
            "occur_at": times.seconds(now),
            "operator": event.operator,
            "event_data": data,
        }
    return json.dumps(value, separators=(",", ":")).encode()
