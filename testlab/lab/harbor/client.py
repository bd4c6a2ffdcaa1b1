"""A client that authenticates as docker and containerd do, step by step."""

import json
import re
import urllib.parse

from testlab.lab.errors import LabError

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT_S = 30


def by_basic(place, path, account, accept):
    """The answer to a request that brings the credentials. `account` None: to one without any."""
    authorization = account.authorization() if account else {}
    return place.get(path, {**accept, **authorization}, _TIMEOUT_S)


def by_bearer(place, path, account, accept):
    """Asks without credentials and, if challenged, again with a token from where that leads.

    The answer to the last request that there was a reason for.
    """
    answer = place.get(path, accept, _TIMEOUT_S)
    if answer.status != 401:
        return answer
    challenge = answer.headers.get("WWW-Authenticate", "")
    if not challenge:
        return answer  # There is no way in.
    token = token_for(place, challenge, account)
    if token.status != 200:
        return token
    return with_token(place, path, json.loads(token.body)["token"], accept)


def with_token(place, path, token, accept):
    return place.get(path, {**accept, "Authorization": f"Bearer {token}"}, _TIMEOUT_S)


def token_for(place, challenge, account):
    """What the token service that a challenge names answers. It must be at `place` itself."""
    scheme, _, rest = challenge.partition(" ")
    parameters = dict(_PARAMETER.findall(rest))
    realm = urllib.parse.urlsplit(parameters.pop("realm", ""))
    if scheme.lower() != "bearer" or realm.netloc != place.address:
        raise LabError(f"{place.address} challenges with {challenge!r}")
    query = urllib.parse.urlencode(parameters)
    authorization = account.authorization() if account else {}
    return place.get(f"{realm.path}?{query}", authorization, _TIMEOUT_S)
