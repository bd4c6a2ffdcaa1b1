"""Who keeps tags: the registry until Harbor 1.10, core's database from 2.0 on."""

from testlab.lab.harbor.events import DELETE, PULL, PUSH, Event, deletion_of
from testlab.lab.harbor.service import Response, error_response, json_response
from tools.oci import layout

_FILTERS = {"OCI-Filters-Applied": "artifactType"}


class TagsInRegistry:
    """Harbor 1.10: core asks the registry, and hears of pushes by its notifications."""

    def __init__(self, proxy, events):
        self._proxy = proxy
        self._events = events

    def base(self, request, caller):
        """/v2/ itself."""
        return self._proxy.forward(request, caller.authorization).response()

    def answer(self, request, resource, caller, blocked):
        """`blocked`: {digest: why} of what a policy holds back."""
        forwarded = self._proxy.forward(request, caller.authorization)
        if resource.kind == "manifests" and request.method in ("GET", "HEAD"):
            return _judge(request, forwarded, blocked)
        if resource.kind == "manifests" and request.method == "DELETE" and forwarded.status == 202:
            self._events.fire(
                Event(DELETE, resource.repository, resource.reference, None, caller.name)
            )
        return forwarded.response()


class TagsInCore:
    """Harbor 2.0 and later: only core knows what a tag is, and what was deleted."""

    def __init__(self, proxy, catalog, events, version):
        self._proxy = proxy
        self._catalog = catalog
        self._events = events
        self._version = version

    def base(self, request, caller):
        """/v2/ itself."""
        return self._proxy.forward(request, caller.authorization).response()

    def answer(self, request, resource, caller, blocked):
        """`blocked`: {digest: why} of what a policy holds back."""
        if resource.kind == "manifests":
            if request.method == "PUT":
                return self._put(request, resource, caller)
            if request.method == "DELETE":
                return self._delete(resource, caller)
            return self._get(request, resource, caller, blocked)
        if resource.kind == "tags":
            return self._list_tags(request, resource)
        if resource.kind == "referrers":
            return self._list_referrers(request, resource)
        return self._proxy.forward(request, caller.authorization).response()

    def _get(self, request, resource, caller, blocked):
        artifact = self._catalog.find(resource.repository, resource.reference)
        if not artifact:
            return _not_found(resource)
        target = _target(resource, artifact.digest)
        forwarded = self._proxy.forward(request, caller.authorization, target)
        if request.method == "GET" and forwarded.status == 200:
            tag = resource.reference if resource.reference != artifact.digest else None
            self._events.fire(
                Event(PULL, resource.repository, artifact.digest, tag, caller.name)
            )
        return _judge(request, forwarded, blocked)

    def _put(self, request, resource, caller):
        content = request.text()
        digest = layout.sha256_digest(content)
        is_tag = not resource.reference.startswith("sha256:")
        if not is_tag and resource.reference != digest:
            return error_response(400, "DIGEST_INVALID", f"it is {digest}")
        by_tag = is_tag and self._version.registry_has_tags
        target = _target(resource, resource.reference if by_tag else digest)
        forwarded = self._proxy.forward(request, caller.authorization, target, content)
        if forwarded.status == 201:
            tag = resource.reference if is_tag else None
            media_type = request.headers.get("Content-Type", "")
            artifact = self._catalog.put(resource.repository, media_type, content, tag)
            # Of every push, also of what is there already.
            self._events.fire(
                Event(PUSH, resource.repository, artifact.digest, tag, caller.name, artifact)
            )
        return forwarded.response()

    def _delete(self, resource, caller):
        """The registry keeps it until garbage is collected, and is told nothing."""
        artifact = self._catalog.delete(resource.repository, resource.reference)
        if not artifact:
            return _not_found(resource)
        self._events.fire(deletion_of(artifact, caller.name))
        return Response(202)

    def _list_tags(self, request, resource):
        """From the database; `last` is not in the page that follows it."""
        last, size = request.argument("last"), request.argument("n")
        tags = [tag for tag in self._catalog.tags(resource.repository) if tag > last]
        page = tags[: int(size)] if size else tags
        headers = {}
        if len(page) < len(tags):
            path = f"/v2/{resource.repository}/tags/list?last={page[-1]}&n={size}"
            headers["Link"] = f'<{path}>; rel="next"'
        return json_response(200, {"name": resource.repository, "tags": page}, headers)

    def _list_referrers(self, request, resource):
        if not self._version.has_referrers:
            return error_response(401, "UNAUTHORIZED", "unauthorized to access repository")
        wanted = request.argument("artifactType")
        found = [
            {
                **layout.descriptor(artifact.media_type, artifact.content),
                "artifactType": _artifact_type(artifact),
                "annotations": artifact.manifest.get("annotations", {}),
            }
            for artifact in self._catalog.referrers(resource.repository, resource.reference)
            if wanted in ("", _artifact_type(artifact))
        ]
        index = {"schemaVersion": 2, "mediaType": layout.INDEX_TYPE, "manifests": found}
        headers = {"Content-Type": layout.INDEX_TYPE, **(_FILTERS if wanted else {})}
        return json_response(200, index, headers)


def _artifact_type(artifact):
    manifest = artifact.manifest
    return manifest.get("artifactType") or (manifest.get("config") or {}).get("mediaType", "")


def _target(resource, reference):
    return f"/v2/{resource.repository}/manifests/{reference}"


def _not_found(resource):
    what = f"artifact {resource.repository}:{resource.reference} not found"
    return error_response(404, "NOT_FOUND", what)


def _judge(request, forwarded, blocked):
    """A manifest that a policy holds back is not given out; Harbor words a missing one itself."""
    verdict = None
    if forwarded.status == 404:
        verdict = error_response(404, "NOT_FOUND", f"artifact of {request.path} not found")
    elif forwarded.status == 200:
        reason = blocked.get(forwarded.headers["Docker-Content-Digest"])
        if reason:
            verdict = error_response(412, "PROJECTPOLICYVIOLATION", reason)
    if verdict:
        forwarded.drop()
        return verdict
    return forwarded.response()
