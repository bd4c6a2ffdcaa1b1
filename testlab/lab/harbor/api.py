"""API v2.0: who may ask what, pages, errors. The api_*.py beside it have what there is to ask."""

import json
import re
import urllib.parse

from testlab.lab.harbor.accounts import ANONYMOUS
from testlab.lab.harbor.projects import permits_in_system
from testlab.lab.harbor.service import Response, error_response, json_response

PATH = "/api/v2.0/"
_DEFAULT_PAGE_SIZE = 10
_MAX_PAGE_SIZE = 100
_SAFE = ("GET", "HEAD")
_SYSTEM = "system/"
# Harbor gives everybody a session; who sends it back needs a CSRF token too.
_SESSION = "sid=0123456789abcdef"
_CODES = {
    **{400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"},
    **{405: "METHOD_NOT_ALLOWED", 409: "CONFLICT", 412: "PRECONDITION"},
    **{422: "UNPROCESSABLE_ENTITY", 500: "UNKNOWN"},
}


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Call:
    """A request to the API. `project`: the Project that its path names, or None."""

    def __init__(self, request, principal, arguments, project):
        self.request = request
        self.principal = principal
        self.project = project
        self._arguments = arguments

    def argument(self, name):
        """What the path has in this place."""
        return self._arguments[name]

    def number(self, name):
        """The same, if it is to be a number. Refusal: it is none."""
        if not self._arguments[name].isdigit():
            raise Refusal(422, f"{name} is no number")
        return int(self._arguments[name])

    @property
    def repository(self):
        """With its project. In a path it is escaped twice, as the router has decoded it once."""
        return f"{self.project.name}/{urllib.parse.unquote(self._arguments['repository'])}"

    def value(self, *members):
        """The request's body, an object that has these members. Refusal: it is something else."""
        try:
            value = json.loads(self.request.text())
        except ValueError:
            raise Refusal(400, "the body is no JSON") from None
        if not isinstance(value, dict) or not value.keys() >= set(members):
            raise Refusal(422, f"the body must have {', '.join(members)}")
        return value

    def page(self, entries):
        """The part of a list that is asked for."""
        if self.request.argument("q"):
            raise Refusal(400, "the lab's Harbor reads no q")
        number = int(self.request.argument("page") or 1)
        size = int(self.request.argument("page_size") or _DEFAULT_PAGE_SIZE)
        if number < 1 or not 1 <= size <= _MAX_PAGE_SIZE:
            raise Refusal(422, f"page_size should be at most {_MAX_PAGE_SIZE}")
        begin = (number - 1) * size
        headers = {"X-Total-Count": str(len(entries))}
        if begin + size < len(entries):
            following = f"{self.request.path}?page={number + 1}&page_size={size}"
            headers["Link"] = f'<{following}>; rel="next"'
        return json_response(200, entries[begin : begin + size], headers)


class Api:
    """Handlers are functions from Call to Response; they raise Refusal."""

    def __init__(self, version, accounts, projects):
        self._version = version
        self._accounts = accounts
        self._projects = projects
        self._routes = []

    def add(self, method, path, handle, needs=None):
        """`path`: "/projects/{project}/webhook/policies".

        `needs`: the permission, in the project of the path, or "system/robot:list"; "": to be known
        at all; None: nothing.
        """
        expression = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", PATH.rstrip("/") + path)
        self._routes.append((method, re.compile(expression), handle, needs))

    def handle(self, request):
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            answer = error_response(refusal.status, _CODES[refusal.status], str(refusal))
        answer.headers["Set-Cookie"] = f"{_SESSION}; Path=/; HttpOnly"
        return answer

    def _answer(self, request):
        handle, needs, arguments = self._find(request)
        csrf = request.headers.get("X-Harbor-CSRF-Token")
        if request.method not in _SAFE and request.headers.get("Cookie") and not csrf:
            raise Refusal(403, "CSRF token not found in request")
        authorization = request.headers.get("Authorization", "")
        # Who has wrong credentials is a stranger.
        principal = self._accounts.authenticate(authorization) or ANONYMOUS
        if needs is not None and principal.is_anonymous:
            raise Refusal(401, "unauthorized")
        project = self._project(arguments, principal, needs)
        if needs and needs.startswith(_SYSTEM):
            if not permits_in_system(principal, needs.removeprefix(_SYSTEM)):
                raise Refusal(403, "forbidden")
        return handle(Call(request, principal, arguments, project))

    def _find(self, request):
        """(handler, what it needs, {name: what the path has in its place})"""
        if not self._version.has_api:
            raise Refusal(404, "no such path")
        path = urllib.parse.unquote(request.path)
        is_known = False
        for method, expression, handle, needs in self._routes:
            match = expression.fullmatch(path)
            if match and method == request.method:
                return handle, needs, match.groupdict()
            is_known = is_known or bool(match)
        raise Refusal(405 if is_known else 404, f"{request.method} {path}: not here")

    def _project(self, arguments, principal, needs):
        if "project" not in arguments:
            return None
        project = self._projects.find(arguments["project"])
        if not project:
            raise Refusal(404, f"project {arguments['project']} not found")
        if needs and not self._projects.permits(principal, project, needs):
            raise Refusal(403, "forbidden")
        return project


def done(status=200, headers=None):
    """An answer that has nothing to say."""
    return Response(status, headers or {})
