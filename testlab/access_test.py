"""Harbor's access rules, at Harbor and at agents that have everything in their stores.

Prints who gets what by Basic and by Bearer: what is right, what the lab's own Harbor answers, what
an agent answers. And a real client logs in and pulls.

  access_test.py --program=NAME=PATH...
"""

import dataclasses
import functools
import os
import time
import typing

from testlab.lab import formats
from testlab.lab.agent_case import AgentCase
from testlab.lab.errors import LabError
from testlab.lab.harbor import client
from testlab.lab.harbor.accounts import Account
from testlab.lab.harbor.cluster import HarborCluster
from testlab.lab.program_case import main
from testlab.lab.skopeo import Skopeo
from testlab.lab.upload import upload
from tools.oci import layout

_TIMEOUT_S = 60
_PUBLIC, _PRIVATE, _OTHER = "library/base", "team/app", "other/app"
_BLOCKED = "team/vulnerable"
_REASON = "current image with 1 vulnerability cannot be pulled due to configured policy"
_ACCEPT = {"Accept": ", ".join([layout.MANIFEST_TYPE, layout.INDEX_TYPE])}


@dataclasses.dataclass(frozen=True)
class Row:
    """Who (None: without credentials) asks for what; the right answers, None: not asked.

    `token`: instead of one that the token service gives now.
    """

    what: str
    path: str
    who: typing.Optional[Account]
    basic: typing.Optional[int]
    bearer: typing.Optional[int]
    token: str = ""


class AccessTest(AgentCase):
    """All images are in the stores of both agents before anything is asked."""

    @classmethod
    def make_cluster(cls, network, folder, programs):
        return HarborCluster(network, folder, programs, {"bearer": "bearer", "basic": "basic"})

    @classmethod
    def configure(cls, cluster):
        harbor = cls.harbor = cluster.harbor
        harbor.projects.add("library", is_public=True)
        harbor.projects.add("team", alice="developer", carol="guest")
        harbor.projects.add("other", bob="guest", carol="guest")
        add = harbor.accounts.add_user
        cls.alice, cls.bob, cls.carol = add("alice"), add("bob"), add("carol")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.by_bearer, cls.by_basic = cls.cluster.agents
        cls.skopeo = Skopeo(os.path.join(cls.cluster.folder, "skopeo"))
        cls.images = {}
        view = cls.harbor.account_view(cls.harbor.admin)
        for repository in (_PUBLIC, _PRIVATE, _OTHER, _BLOCKED):
            made = cls.images[repository] = formats.make_image(repository, formats.OCI)
            upload(view, repository, made, "1")
            for agent in cls.cluster.agents:
                for path in cls.paths(repository):
                    answer = client.by_basic(agent.registry, path, cls.harbor.admin, _ACCEPT)
                    if answer.status != 200:
                        raise LabError(f"{agent.name}: {path}: {answer.status} {answer.text}")

    @classmethod
    def paths(cls, repository):
        """Manifest by tag and by digest, and all blobs."""
        made = cls.images[repository]
        manifests = [f"/v2/{repository}/manifests/{ref}" for ref in ("1", made.root.digest)]
        return manifests + [f"/v2/{repository}/blobs/{digest}" for digest in made.blobs]

    @classmethod
    def manifest(cls, repository):
        return cls.paths(repository)[1]

    @classmethod
    def layer(cls, of, through):
        """The largest blob of the one repository's image, asked of the other."""
        blobs = cls.images[of].blobs
        return f"/v2/{through}/blobs/{max(blobs, key=lambda digest: len(blobs[digest]))}"

    def test_table(self):
        rows = self._rows()
        self._block()
        lines = [f"{'':46} {'Basic':^20} {'Bearer':^20}", f"{'':46}" + " must Harbor agent  " * 2]
        wrong = []
        for row in rows:
            told = [f"{row.what:46}"]
            for column in (self._basic(row), self._bearer(row)):
                told.append("{:>5} {:>6} {:>5}  ".format(*[value or "-" for value in column]))
                if len(set(column)) != 1:
                    wrong.append(row.what)
            lines.append(" ".join(told))
        print("\n".join(lines), flush=True)
        self.assertEqual(wrong, [])

    def _block(self, is_blocked=True):
        """Until the test is over."""
        project = self.harbor.projects.of(_BLOCKED)
        project.blocked = {self.images[_BLOCKED].root.digest: _REASON} if is_blocked else {}
        if is_blocked:
            self.addCleanup(self._block, False)

    def _basic(self, row):
        """(must, Harbor, agent)"""
        if row.basic is None:
            return None, None, None
        ask = functools.partial(client.by_basic, path=row.path, account=row.who, accept=_ACCEPT)
        return row.basic, ask(self.harbor.place).status, ask(self.by_basic.registry).status

    def _bearer(self, row):
        if row.bearer is None:
            return None, None, None
        if row.token:
            ask = functools.partial(
                client.with_token, path=row.path, token=row.token, accept=_ACCEPT
            )
        else:
            ask = functools.partial(
                client.by_bearer, path=row.path, account=row.who, accept=_ACCEPT
            )
        return row.bearer, ask(self.harbor.place).status, ask(self.by_bearer.registry).status

    def _rows(self):
        harbor, alice, bob, carol = self.harbor, self.alice, self.bob, self.carol
        by_tag, private = self.paths(_PRIVATE)[:2]
        team_layer = self.layer(_PRIVATE, _PRIVATE)
        robot = harbor.accounts.add_robot("puller", project="team")
        revoked = harbor.accounts.add_robot("revoked", project="team")
        principal = harbor.accounts.authenticate(revoked.authorization()["Authorization"])
        early = harbor.tokens.token(principal, [_PRIVATE])
        expired = harbor.tokens.token(principal, [_PRIVATE], lifetime_s=-3600)
        revoked.disabled = True
        outdated = harbor.accounts.add_robot("outdated", project="team")
        outdated.expires_at = time.time() - 1
        foreign = harbor.accounts.add_robot("puller", project="other")
        mistaken = dataclasses.replace(alice, secret="wrong")
        unknown = dataclasses.replace(alice, name="mallory")
        return [
            Row("public, a member of another project", self.manifest(_PUBLIC), bob, 200, 200),
            Row("public, its layer", self.layer(_PUBLIC, _PUBLIC), bob, 200, 200),
            Row("public, no credential", self.manifest(_PUBLIC), None, None, 200),
            Row("public, wrong password", self.manifest(_PUBLIC), mistaken, 401, None),
            Row("private, a member, by tag", by_tag, alice, 200, 200),
            Row("private, a member, by digest", private, alice, 200, 200),
            Row("private, a member, its layer", team_layer, alice, 200, 200),
            Row("private, the project's robot", private, robot, 200, 200),
            Row("private, no credential", private, None, 401, 401),
            Row("private, no credential, its layer", team_layer, None, 401, 401),
            Row("private, wrong password", private, mistaken, 401, 401),
            Row("private, no such user", private, unknown, 401, 401),
            Row("other project's member", private, bob, 401, 401),
            Row("other project's member, the layer", team_layer, bob, 401, 401),
            Row("other project's robot", private, foreign, 401, 401),
            Row("revoked robot", private, revoked, 401, 401),
            Row("revoked robot, the layer", team_layer, revoked, 401, 401),
            Row("revoked robot, a token from before", private, None, None, 200, early),
            Row("expired robot", private, outdated, 401, 401),
            Row("expired token", private, None, None, 401, expired),
            Row("forged token", private, None, None, 401, early[:-8] + "AAAAAAAA"),
            Row(
                *("blob through a foreign repository", self.layer(_PRIVATE, _OTHER)),
                *(carol, 404, 404),
            ),
            Row("the same, not of its project", self.layer(_PRIVATE, _OTHER), bob, 404, 404),
            Row("blob through a public repository", self.layer(_PRIVATE, _PUBLIC), bob, 404, 404),
            Row("blocked by a policy, by tag", self.paths(_BLOCKED)[0], alice, 412, 412),
            Row("blocked by a policy, by digest", self.manifest(_BLOCKED), alice, 412, 412),
            Row("blocked, the project's robot", self.manifest(_BLOCKED), robot, 412, 412),
            Row("blocked, no credential", self.manifest(_BLOCKED), None, 401, 401),
            Row(
                *("blocked, its layer: not a policy's matter", self.layer(_BLOCKED, _BLOCKED)),
                *(alice, 200, 200),
            ),
            Row("no such tag", f"/v2/{_PRIVATE}/manifests/nope", alice, 404, 404),
            Row("no such project", "/v2/nowhere/app/manifests/1", alice, 401, None),
        ]

    def test_what_a_policy_forbids_is_not_to_be_had_from_a_cache(self):
        """A blocked image: 412 of its manifest, as Harbor says; its blobs Harbor gives to all."""
        places = [self.harbor.place, self.by_bearer.registry, self.by_basic.registry]
        expected = {False: 200, True: 412}
        for blocked in (False, True, False):
            self._block(blocked)
            for ask in (client.by_basic, client.by_bearer):
                for place in places:
                    if ask is client.by_bearer and place is self.by_basic.registry:
                        continue  # It names no token service.
                    with self.subTest(blocked=blocked, ask=ask.__name__, place=place.address):
                        for path in self.paths(_BLOCKED)[:2]:
                            answer = ask(place, path, self.alice, _ACCEPT)
                            self.assertEqual(answer.status, expected[blocked], answer.text)
                            if blocked:
                                self.assertIn("PROJECTPOLICYVIOLATION", answer.text)
                                self.assertIn(_REASON, answer.text)
                        layer = ask(place, self.layer(_BLOCKED, _BLOCKED), self.alice, _ACCEPT)
                        self.assertEqual(layer.status, 200)

    def test_a_client_logs_in_and_pulls(self):
        """skopeo; a robot's name has a $ and a +."""
        robot = self.harbor.accounts.add_robot("runtime", project="team")
        wrong = dataclasses.replace(robot, secret="wrong")
        for agent in self.cluster.agents:
            for account in (self.alice, robot):
                with self.subTest(agent=agent.name, account=account.name):
                    self._log_in_and_pull(agent, account)
            with self.subTest(agent=agent.name, account="wrong password"):
                with self.assertRaisesRegex(LabError, "(?i)unauthorized|invalid"):
                    self.skopeo.log_in(agent.host, agent.registry, wrong)

    def _log_in_and_pull(self, agent, account):
        login = self.skopeo.log_in(agent.host, agent.registry, account)
        nobody = self.skopeo.no_login()
        self._pull(agent, f"{_PRIVATE}:1", login, True)
        self._pull(agent, f"{_OTHER}:1", login, False)
        self._pull(agent, f"{_PRIVATE}:1", nobody, False)
        self._pull(agent, f"{_PUBLIC}:1", nobody, True)
        self._block()
        refused = self._pull(agent, f"{_BLOCKED}:1", login, False)
        self._block(False)
        self.assertIn(_REASON, refused.log())

    def _pull(self, agent, name, login, is_allowed):
        """By skopeo, which checks every digest itself. Returns the Pull, which has ended."""
        pull = self.skopeo.pull(agent.host, agent.registry, name, login=login)
        self.assertEqual(pull.wait(_TIMEOUT_S) == 0, is_allowed, f"{name}: {pull.log_tail()}")
        return pull


if __name__ == "__main__":
    main()
