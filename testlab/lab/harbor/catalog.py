"""Core's database: which repositories, artifacts and tags there are. The registry knows less."""

import dataclasses
import datetime
import itertools
import json
import threading
import typing

from testlab.lab.harbor import times
from tools.oci import layout

_INDEX_TYPES = (
    layout.INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclasses.dataclass
class Tag:
    name: str
    number: int
    pushed: datetime.datetime


@dataclasses.dataclass
class Artifact:
    """A manifest or an index in a repository. `content`: its exact bytes."""

    repository: str
    number: int
    media_type: str
    content: bytes
    pushed: datetime.datetime
    tags: typing.Dict[str, Tag] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.digest = layout.sha256_digest(self.content)
        self.manifest = json.loads(self.content)

    @property
    def is_index(self):
        return self.media_type in _INDEX_TYPES

    @property
    def children(self):
        """Descriptors of an index's manifests."""
        return self.manifest.get("manifests", []) if self.is_index else []

    @property
    def subject(self):
        """The digest of what it refers to, or ""."""
        return (self.manifest.get("subject") or {}).get("digest", "")

    @property
    def size(self):
        """Of everything that it names, itself included."""
        parts = [self.manifest.get("config"), *self.manifest.get("layers", []), *self.children]
        return len(self.content) + sum(part["size"] for part in parts if part)


@dataclasses.dataclass
class Repository:
    name: str
    number: int
    created: datetime.datetime
    artifacts: typing.Dict[str, Artifact] = dataclasses.field(default_factory=dict)


class Catalog:
    """Thread-safe: what it gives out is for reading."""

    def __init__(self):
        self._lock = threading.Lock()
        self._repositories = {}
        self._numbers = itertools.count(1)

    def put(self, repository, media_type, content, tag):
        """A push: the artifact is new, or stays as old as it is; the tag (None: none) moves."""
        with self._lock:
            if repository not in self._repositories:
                made = Repository(repository, next(self._numbers), times.now())
                self._repositories[repository] = made
            artifacts = self._repositories[repository].artifacts
            artifact = Artifact(repository, next(self._numbers), media_type, content, times.now())
            artifact = artifacts.setdefault(artifact.digest, artifact)
            if tag:
                self._move(repository, artifact, tag)
            return artifact

    def _move(self, repository, artifact, tag):
        for other in self._repositories[repository].artifacts.values():
            other.tags.pop(tag, None)
        artifact.tags[tag] = Tag(tag, next(self._numbers), times.now())

    def find(self, repository, reference):
        """The Artifact of a tag or a digest; None: there is none."""
        with self._lock:
            return self._find(repository, reference)

    def _find(self, repository, reference):
        known = self._repositories.get(repository)
        if not known:
            return None
        if reference in known.artifacts:
            return known.artifacts[reference]
        for artifact in known.artifacts.values():
            if reference in artifact.tags:
                return artifact
        return None

    def delete(self, repository, reference):
        """Takes an artifact away, with all of its tags; returns it. None: there is none."""
        with self._lock:
            artifact = self._find(repository, reference)
            if artifact:
                del self._repositories[repository].artifacts[artifact.digest]
            return artifact

    def set_tag(self, repository, reference, tag):
        """False: there is no such artifact."""
        with self._lock:
            artifact = self._find(repository, reference)
            if artifact:
                self._move(repository, artifact, tag)
            return artifact is not None

    def delete_tag(self, repository, reference, tag):
        """False: it is not there."""
        with self._lock:
            artifact = self._find(repository, reference)
            return bool(artifact and artifact.tags.pop(tag, None))

    def repositories(self, project):
        """Of a project, by name."""
        with self._lock:
            return [
                self._repositories[name]
                for name in sorted(self._repositories)
                if name.startswith(project + "/")
            ]

    def repository(self, name):
        """None: there is no such repository."""
        return self._repositories.get(name)

    def artifacts(self, *repositories):
        """Of these, the newest push first; not the children of an index, unless they have a tag."""
        with self._lock:
            found = [
                artifact
                for repository in repositories
                for artifact in self._repositories[repository.name].artifacts.values()
                if artifact.tags or not self._is_child(artifact)
            ]
        return sorted(found, key=lambda artifact: artifact.pushed, reverse=True)

    def _is_child(self, artifact):
        others = self._repositories[artifact.repository].artifacts.values()
        return any(
            child["digest"] == artifact.digest for other in others for child in other.children
        )

    def tags(self, repository):
        """All of a repository, sorted."""
        with self._lock:
            known = self._repositories.get(repository)
            if not known:
                return []
            return sorted(tag for artifact in known.artifacts.values() for tag in artifact.tags)

    def referrers(self, repository, digest):
        """Artifacts whose subject it is."""
        with self._lock:
            known = self._repositories.get(repository)
            found = known.artifacts.values() if known else []
            return [artifact for artifact in found if artifact.subject == digest]
