"""An agent as a registry of the OCI distribution specification 1.1: what there is to pull.

Tag lists and referrers, asked for as the specification's conformance suite does it ("content
discovery"), and what the specification says beside that.

  registry_discovery_test.py --program=NAME=PATH...
"""

import json
import re
import urllib.parse

from testlab.lab import formats
from testlab.lab.agent_case import REPOSITORY, AgentCase
from testlab.lab.program_case import main
from testlab.lab.upload import upload
from tools.oci import layout

_TAGS = ["1.0", "2.0", "A", "latest", "v1", "v10", "v2"]
_LINK = re.compile(r"^<([^>]*)>; *rel=\"?next\"?$")
_UNKNOWN_DIGEST = layout.sha256_digest(b"never pushed")
_SIGNATURE_TYPE = "application/vnd.example.signature"


class TagListTest(AgentCase):
    """GET /v2/NAME/tags/list"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        made = formats.make_image("tags", formats.OCI)
        for tag in reversed(_TAGS):
            upload(cls.cluster.registry, REPOSITORY, made, tag)

    def _list(self, query="", repository=REPOSITORY):
        return self.send("GET", f"/v2/{repository}/tags/list{query}")

    def _check_list(self, answer, tags):
        """Returns the path of the next page, or None."""
        self.assertEqual(answer.status, 200, answer.text[:500])
        self.assertEqual(answer.headers.get_content_type(), "application/json")
        self.assertEqual(json.loads(answer.body), {"name": REPOSITORY, "tags": tags})
        link = answer.headers.get("Link")
        if link is None:
            return None
        match = _LINK.match(link)
        self.assertTrue(match, link)
        return urllib.parse.urljoin(f"/v2/{REPOSITORY}/tags/list", match[1])

    def test_all_in_order(self):
        self.assertIsNone(self._check_list(self._list(), _TAGS))

    def test_head(self):
        self.assertEqual(self.send("HEAD", f"/v2/{REPOSITORY}/tags/list").status, 200)

    def test_pages(self):
        for n in range(1, len(_TAGS) + 2):
            with self.subTest(n=n):
                path, seen = f"/v2/{REPOSITORY}/tags/list?n={n}", []
                while path:
                    expected = _TAGS[len(seen) : len(seen) + n]
                    path = self._check_list(self.send("GET", path), expected)
                    seen += expected
                    self.assertEqual(path is None, len(seen) == len(_TAGS))

    def test_none_of_them(self):
        self.assertIsNone(self._check_list(self._list("?n=0"), []))

    def test_after_the_last(self):
        for number, tag in enumerate(_TAGS):
            with self.subTest(last=tag):
                self._check_list(self._list(f"?last={tag}"), _TAGS[number + 1 :])
        # It need not be there.
        self._check_list(self._list("?last=v"), ["v1", "v10", "v2"])
        self._check_list(self._list("?last=zzz"), [])
        self._check_list(self._list("?n=1&last=v"), ["v1"])

    def test_a_new_tag_is_listed(self):
        upload(self.cluster.registry, "conformance/new", formats.make_image("a", formats.OCI), "1")
        path = "/v2/conformance/new/tags/list"
        self.assertEqual(json.loads(self.send("GET", path).body)["tags"], ["1"])

    def test_malformed_numbers(self):
        for n in ("-1", "a", "1.5", ""):
            with self.subTest(n=n):
                codes = {"PAGINATION_NUMBER_INVALID", "UNSUPPORTED"}
                self.check_error(self._list(f"?n={n}"), {400}, codes)

    def test_unknown_repository(self):
        answer = self._list(repository="conformance/never")
        self.check_error(answer, {404}, {"NAME_UNKNOWN"})


class ReferrersTest(AgentCase):
    """GET /v2/NAME/referrers/DIGEST

    The registry behind has no such endpoint, so that clients who push keep the list under a tag
    (the specification's "Referrers Tag Schema").
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = formats.make_image("subject", formats.OCI)
        cls.boms = [formats.make_artifact(f"bom{n}", cls.subject.root) for n in (1, 2)]
        cls.signature = formats.make_artifact("signed", cls.subject.root, _SIGNATURE_TYPE)
        for made in (cls.subject, *cls.boms, cls.signature):
            upload(cls.cluster.registry, REPOSITORY, made)
        cls._push_referrers(cls.subject, [*cls.boms, cls.signature])

    @classmethod
    def _push_referrers(cls, subject, referrers):
        """As a client does that has pushed them."""
        index = {
            "schemaVersion": 2,
            "mediaType": layout.INDEX_TYPE,
            "manifests": [_descriptor(each) for each in referrers],
        }
        root = formats.Manifest(layout.INDEX_TYPE, layout.to_json(index))
        tag = subject.root.digest.replace(":", "-")
        upload(cls.cluster.registry, REPOSITORY, formats.Made((root,), {}), tag)

    def _ask(self, digest, query=""):
        """Returns the answer and {digest: descriptor}."""
        answer = self.send("GET", f"/v2/{REPOSITORY}/referrers/{digest}{query}")
        self.assertEqual(answer.status, 200, answer.text[:500])
        self.assertEqual(answer.headers["Content-Type"], layout.INDEX_TYPE)
        index = json.loads(answer.body)
        self.assertEqual((index["schemaVersion"], index["mediaType"]), (2, layout.INDEX_TYPE))
        return answer, {each["digest"]: each for each in index["manifests"]}

    def _check_referrers(self, told, expected):
        self.assertEqual(told.keys(), {each.root.digest for each in expected})
        for each in expected:
            wanted = _descriptor(each)
            self.assertEqual(wanted, {key: told[wanted["digest"]].get(key) for key in wanted})

    def test_all(self):
        answer, told = self._ask(self.subject.root.digest)
        self._check_referrers(told, [*self.boms, self.signature])
        self.assertNotIn("OCI-Filters-Applied", answer.headers)

    def test_of_one_type(self):
        for artifact_type, expected in (
            (formats.ARTIFACT_TYPE, self.boms),
            (_SIGNATURE_TYPE, [self.signature]),
            ("application/vnd.example.other", []),
        ):
            with self.subTest(artifact_type=artifact_type):
                query = "?artifactType=" + urllib.parse.quote(artifact_type, safe="")
                answer, told = self._ask(self.subject.root.digest, query)
                self._check_referrers(told, expected)
                self.assertEqual(answer.headers["OCI-Filters-Applied"], "artifactType")

    def test_nobody_refers_to_it(self):
        for digest in (_UNKNOWN_DIGEST, self.signature.root.digest):
            _, told = self._ask(digest)
            self.assertEqual(told, {})

    def test_a_new_referrer_is_listed(self):
        subject = formats.make_image("newer", formats.OCI)
        upload(self.cluster.registry, REPOSITORY, subject)
        bom = formats.make_artifact("newer", subject.root)
        upload(self.cluster.registry, REPOSITORY, bom)
        self._push_referrers(subject, [bom])
        _, told = self._ask(subject.root.digest)
        self._check_referrers(told, [bom])

    def test_what_is_listed_can_be_pulled(self):
        for digest in self._ask(self.subject.root.digest)[1]:
            answer = self.send("GET", f"/v2/{REPOSITORY}/manifests/{digest}")
            self.check_content(answer, answer.body, layout.MANIFEST_TYPE)
            self.assertEqual(layout.sha256_digest(answer.body), digest)

    def test_malformed_digests(self):
        for digest in ("sha256:baddigeststring", "sha256:", "latest", "sha256:" + "g" * 64):
            with self.subTest(digest=digest):
                answer = self.send("GET", f"/v2/{REPOSITORY}/referrers/{digest}")
                self.check_error(answer, {400, 404}, {"DIGEST_INVALID", "UNSUPPORTED"})

    def test_head(self):
        path = f"/v2/{REPOSITORY}/referrers/{self.subject.root.digest}"
        answer = self.send("HEAD", path)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], layout.INDEX_TYPE)


class PushTest(AgentCase):
    """A push is refused with a word on where to push."""

    def test_says_where_to_push(self):
        for method, path in (
            ("POST", f"/v2/{REPOSITORY}/blobs/uploads/"),
            ("PUT", f"/v2/{REPOSITORY}/manifests/latest"),
        ):
            answer = self.send(method, path, body=b"")
            self.check_error(answer, {405}, {"UNSUPPORTED"})
            self.assertRegex(json.loads(answer.body)["errors"][0]["message"], r"\bpush\b")


def _descriptor(artifact):
    """Of an artifact, in a list of referrers."""
    manifest = json.loads(artifact.root.data)
    return {
        **artifact.root.descriptor,
        "artifactType": manifest["artifactType"],
        "annotations": manifest["annotations"],
    }


if __name__ == "__main__":
    main()
