"""A Harbor of the lab's own: it answers as Harbor answers, with a real registry behind it.

    service.py        HTTP: requests, answers, which part of Harbor a path belongs to
    accounts.py       users and robot accounts: who is it that asks
    projects.py       projects, their members, what they forbid: what may who do
    token_signer.py   JSON Web Tokens that docker-registry checks
    token_service.py  /service/token
    core_proxy.py     /v2/: challenges, Basic and Bearer, policies; the rest is the registry's
    token_registry.py docker-registry that believes those tokens
    harbor.py         all of it together

A further part of Harbor is a module with a function from Request to Response and a route in
harbor.py. It asks Accounts who calls and Projects what that one may; both are shared by all parts,
and a change in them (a robot revoked, an image blocked) holds from the next request on.
"""
