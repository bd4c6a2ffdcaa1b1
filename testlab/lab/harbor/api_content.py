"""Projects, repositories, artifacts, tags."""

from testlab.lab.harbor import times
from testlab.lab.harbor.accounts import SYSTEM
from testlab.lab.harbor.api import Refusal, done
from testlab.lab.harbor.events import deletion_of
from testlab.lab.harbor.service import json_response

_NEVER = "0001-01-01T00:00:00.000Z"
_PROJECT = "/projects/{project}"
_ARTIFACTS = _PROJECT + "/repositories/{repository}/artifacts"
_ARTIFACT = _ARTIFACTS + "/{reference}"


class ContentApi:
    def __init__(self, api, version, projects, catalog, events):
        self._version = version
        self._projects = projects
        self._catalog = catalog
        self._events = events
        api.add("GET", "/projects", self._list_projects)
        api.add("POST", "/projects", self._create_project, needs="system/project:create")
        api.add("GET", _PROJECT, self._get_project, needs="project:read")
        api.add("GET", _PROJECT + "/repositories", self._repositories, needs="repository:list")
        if version.has_project_artifacts:
            api.add("GET", _PROJECT + "/artifacts", self._of_project, needs="artifact:list")
        api.add("GET", _ARTIFACTS, self._of_repository, needs="artifact:list")
        api.add("GET", _ARTIFACT, self._get, needs="artifact:read")
        api.add("DELETE", _ARTIFACT, self._delete, needs="artifact:delete")
        api.add("GET", _ARTIFACT + "/tags", self._tags, needs="tag:list")
        api.add("POST", _ARTIFACT + "/tags", self._create_tag, needs="tag:create")
        api.add("DELETE", _ARTIFACT + "/tags/{tag}", self._delete_tag, needs="tag:delete")

    def _list_projects(self, call):
        """Strangers see what is public."""
        who = call.principal
        if who.is_robot and self._version.robots_need_project_list:
            if "project:list" not in who.permissions.get(SYSTEM, ()):
                raise Refusal(403, "forbidden")
        return call.page(
            [
                self._project(project)
                for project in self._projects.all()
                if self._projects.sees(who, project)
            ]
        )

    def _create_project(self, call):
        value = call.value("project_name")
        if self._projects.find(value["project_name"]):
            raise Refusal(409, "the project exists")
        public = (value.get("metadata") or {}).get("public") == "true"
        project = self._projects.add(value["project_name"], is_public=public)
        return done(201, {"Location": f"{call.request.path}/{project.number}"})

    def _get_project(self, call):
        return json_response(200, self._project(call.project))

    def _project(self, project):
        return {
            "name": project.name,
            "project_id": project.number,
            "owner_name": "admin",
            # Harbor's metadata are texts.
            "metadata": {"public": str(project.is_public).lower()},
            "repo_count": len(self._catalog.repositories(project.name)),
        }

    def _repositories(self, call):
        return call.page(
            [
                {
                    "id": repository.number,
                    "name": repository.name,
                    "project_id": call.project.number,
                    "artifact_count": len(self._catalog.artifacts(repository)),
                    "pull_count": 0,
                    "creation_time": times.text(repository.created),
                }
                for repository in self._catalog.repositories(call.project.name)
            ]
        )

    def _of_project(self, call):
        found = self._catalog.artifacts(*self._catalog.repositories(call.project.name))
        return call.page([self._artifact(call.project, artifact) for artifact in found])

    def _of_repository(self, call):
        repository = self._catalog.repository(call.repository)
        if not repository:
            raise Refusal(404, f"repository {call.repository} not found")
        found = self._catalog.artifacts(repository)
        return call.page([self._artifact(call.project, artifact) for artifact in found])

    def _find(self, call):
        artifact = self._catalog.find(call.repository, call.argument("reference"))
        if not artifact:
            raise Refusal(404, f"artifact {call.repository} not found")
        return artifact

    def _get(self, call):
        return json_response(200, self._artifact(call.project, self._find(call)))

    def _artifact(self, project, artifact):
        shown = {
            "id": artifact.number,
            "type": "IMAGE",
            "digest": artifact.digest,
            "manifest_media_type": artifact.media_type,
            "media_type": (artifact.manifest.get("config") or {}).get("mediaType", ""),
            "project_id": project.number,
            "repository_id": self._catalog.repository(artifact.repository).number,
            "size": artifact.size,
            "push_time": times.text(artifact.pushed),
            "pull_time": _NEVER,
            # What there is none of is null.
            "tags": [self._tag(artifact, tag) for tag in artifact.tags.values()] or None,
            "references": [self._reference(artifact, child) for child in artifact.children] or None,
        }
        if self._version.has_project_artifacts:
            shown["repository_name"] = artifact.repository
        return shown

    def _tag(self, artifact, tag):
        return {
            "id": tag.number,
            "name": tag.name,
            "artifact_id": artifact.number,
            "repository_id": self._catalog.repository(artifact.repository).number,
            "push_time": times.text(tag.pushed),
            "pull_time": _NEVER,
            "immutable": False,
        }

    def _reference(self, artifact, child):
        known = self._catalog.find(artifact.repository, child["digest"])
        return {
            "child_digest": child["digest"],
            "child_id": known.number if known else 0,
            "parent_id": artifact.number,
            "platform": {"OsFeatures": None, **child.get("platform", {})},
            "urls": None,
        }

    def _delete(self, call):
        artifact = self._find(call)
        self._catalog.delete(artifact.repository, artifact.digest)
        self._events.fire(deletion_of(artifact, call.principal.name))
        return done()

    def _tags(self, call):
        artifact = self._find(call)
        return call.page([self._tag(artifact, tag) for tag in artifact.tags.values()])

    def _create_tag(self, call):
        """No event tells of it."""
        artifact = self._find(call)
        name = call.value("name")["name"]
        if name in artifact.tags:
            raise Refusal(409, f"tag {name} already exists")
        self._catalog.set_tag(artifact.repository, artifact.digest, name)
        return done(201, {"Location": f"{call.request.path}/{name}"})

    def _delete_tag(self, call):
        """Nor of this."""
        artifact = self._find(call)
        tag = call.argument("tag")
        if not self._catalog.delete_tag(artifact.repository, artifact.digest, tag):
            raise Refusal(404, f"tag {tag} not found")
        return done()
