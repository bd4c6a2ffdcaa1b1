"""A Harbor of the lab's own: it answers as Harbor answers, with a real registry behind it.

    harbor.py         all of it together
    versions.py       what changed with which version: 1.10, 2.0 to 2.14, 2.15 and later
    service.py        HTTP: requests, answers, which part of Harbor a path belongs to
    accounts.py       users and robot accounts: who is it that asks
    projects.py       projects, their members, what they forbid: what may who do
    catalog.py        core's database: repositories, artifacts, tags
    events.py         what happens to artifacts, and who is told

    core_proxy.py     /v2/: challenges, Basic and Bearer, who may
    manifests.py      what is where: tags in the registry (1.10) or in the database
    registry_proxy.py the way to the registry
    token_signer.py   JSON Web Tokens that docker-registry checks
    token_service.py  /service/token
    token_registry.py docker-registry that believes those tokens (1.10)
    notifications.py  /service/notifications (1.10)

    webhooks.py       webhook policies, three attempts for each event
    payloads.py       their bodies
    preheat*.py       P2P preheat: instances, drivers, policies, executions
    api.py, api_*.py  API v2.0

What it answers has the shapes of harbor_bridge/harbor/testdata and harbor_bridge/event/testdata:
testlab/lab/harbor_shapes_test.py sees to it. A further part of Harbor is a module with a function
from Request to Response and a route in harbor.py. It asks Accounts who calls and Projects what that
one may; a change in them (a robot revoked, an image blocked) holds from the next request on.
"""
