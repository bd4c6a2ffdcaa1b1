"""An agent as a registry of the OCI distribution specification 1.1: what a client may only read.

The requests are those with which the specification's conformance suite tries a registry that takes
no pushes (its pull workflow), and what the specification says beside them. Everything is real: a
registry that holds the content, origin, tracker, build-index, an agent.

  registry_conformance_test.py --program=NAME=PATH...
"""

import random

from testlab.lab import formats
from testlab.lab.agent_case import REPOSITORY, AgentCase
from testlab.lab.program_case import main
from testlab.lab.upload import upload
from tools.oci import layout

# How long a 404 may take: nobody has to be asked twice.
_UNKNOWN_S = 5
_BLOB_BYTES = 2048
_ACCEPT = ", ".join([layout.INDEX_TYPE, layout.MANIFEST_TYPE])
_UNKNOWN_DIGEST = layout.sha256_digest(b"never pushed")
# {range: (first, end) of what comes; None: 416}
_RANGES = {
    "500-1499": (500, 1500),
    "500-": (500, _BLOB_BYTES),
    "-500": (_BLOB_BYTES - 500, _BLOB_BYTES),
    "2000-5000": (2000, _BLOB_BYTES),
    "0-0": (0, 1),
    "-5000": (0, _BLOB_BYTES),
    "500-0": None,
    "5000-10000": None,
    f"{_BLOB_BYTES}-": None,
}


class BlobTest(AgentCase):
    """GET and HEAD of blobs."""

    def test_ping(self):
        for path in ("/v2/", "/v2"):
            for method in ("GET", "HEAD"):
                answer = self.send(method, path)
                self.assertEqual(answer.status, 200)
                version = answer.headers["Docker-Distribution-API-Version"]
                self.assertEqual(version, "registry/2.0")

    def test_head_then_get(self):
        content = self.noise(_BLOB_BYTES)
        path = self.push_blob(content)
        for method in ("HEAD", "GET", "GET", "HEAD"):
            answer = self.send(method, path)
            self.check_content(answer, content)
            self.assertEqual(answer.body, content if method == "GET" else b"")
            self.assertEqual(answer.headers["Accept-Ranges"], "bytes")

    def test_large_blob(self):
        content = self.noise(5 << 20)
        path = self.push_blob(content)
        head = self.send("HEAD", path)
        self.check_content(head, content)
        get = self.send("GET", path, {"Accept-Encoding": "gzip, deflate, br, zstd"})
        self.check_content(get, content)
        self.assertEqual(get.body, content)

    def test_well_known_blobs(self):
        for content in (b"", b"{}"):
            path = self.push_blob(content)
            for method in ("HEAD", "GET", "HEAD"):
                answer = self.send(method, path)
                self.check_content(answer, content)
                self.assertEqual(answer.body, content if method == "GET" else b"")

    def test_unknown_blob(self):
        self.push_blob(self.noise(_BLOB_BYTES))  # The repository is there.
        for repository in (REPOSITORY, "conformance/never"):
            for method in ("GET", "HEAD"):
                path = f"/v2/{repository}/blobs/{_UNKNOWN_DIGEST}"
                answer = self.send(method, path, timeout_s=_UNKNOWN_S)
                self.check_error(answer, {404}, {"BLOB_UNKNOWN", "NAME_UNKNOWN"}, method)

    def test_ranges(self):
        for is_warm in (True, False):
            for number, (wanted, bounds) in enumerate(_RANGES.items()):
                content = random.Random(f"{number} {is_warm}").randbytes(_BLOB_BYTES)
                path = self.push_blob(content)
                if is_warm:
                    self.check_content(self.send("GET", path), content)
                with self.subTest(range=wanted, warm=is_warm):
                    answer = self.send("GET", path, {"Range": f"bytes={wanted}"})
                    self._check_range(answer, content, bounds)

    def test_ranges_of_a_large_blob(self):
        content = self.noise(5 << 20)
        path = self.push_blob(content)
        for first, end in ((4 << 20, 5 << 20), (1, 3 << 20), (0, 5 << 20)):
            answer = self.send("GET", path, {"Range": f"bytes={first}-{end - 1}"})
            self._check_range(answer, content, (first, end))

    def _check_range(self, answer, content, bounds):
        size = len(content)
        self.assertNotIn("Content-Encoding", answer.headers)
        if bounds is None:
            self.assertEqual(answer.status, 416)
            self.assertEqual(answer.headers["Content-Range"], f"bytes */{size}")
            return
        first, end = bounds
        self.assertEqual(answer.status, 206)
        self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{end - 1}/{size}")
        self.assertEqual(answer.headers["Content-Length"], str(end - first))
        self.assertEqual(answer.body, content[first:end])

    def test_what_is_no_range_is_ignored(self):
        content = self.noise(_BLOB_BYTES)
        path = self.push_blob(content)
        for wanted in ("bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=a-b", "bytes 0-1"):
            answer = self.send("GET", path, {"Range": wanted})
            self.check_content(answer, content)
            self.assertEqual(answer.body, content)

    def test_if_range(self):
        content = self.noise(_BLOB_BYTES)
        path = self.push_blob(content)
        etag = self.send("HEAD", path).headers["ETag"]
        headers = {"Range": "bytes=500-1499", "If-Range": etag}
        self._check_range(self.send("GET", path, headers), content, (500, 1500))
        headers["If-Range"] = f'"{_UNKNOWN_DIGEST}"'
        answer = self.send("GET", path, headers)
        self.check_content(answer, content)
        self.assertEqual(answer.body, content)

    def test_malformed_digests(self):
        self.push_blob(self.noise(_BLOB_BYTES))
        for digest in _MALFORMED_DIGESTS:
            for kind in ("blobs", "manifests"):
                for method in ("GET", "HEAD"):
                    with self.subTest(digest=digest, kind=kind, method=method):
                        path = f"/v2/{REPOSITORY}/{kind}/{digest}"
                        answer = self.send(method, path, timeout_s=_UNKNOWN_S)
                        codes = {"DIGEST_INVALID", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"}
                        self.check_error(answer, {400, 404}, codes, method)


_MALFORMED_DIGESTS = (
    "sha256:baddigeststring",
    "sha256:totallywrong",
    "sha256:",
    "sha256:" + "g" * 64,
    "sha256:" + "0" * 63,
    "sha256:" + "0" * 65,
    "md5:" + "0" * 32,
    "sha512:" + "0" * 64,
)


class ManifestTest(AgentCase):
    """GET and HEAD of manifests."""

    def _check_pull(self, reference, manifest, accept=_ACCEPT):
        path = f"/v2/{REPOSITORY}/manifests/{reference}"
        for method in ("HEAD", "GET", "HEAD"):
            answer = self.send(method, path, {"Accept": accept})
            self.check_content(answer, manifest.data, manifest.media_type)
            self.assertEqual(answer.body, manifest.data if method == "GET" else b"")

    def test_each_kind_by_digest_and_by_tag(self):
        image = formats.make_image("image", formats.OCI)
        made = {
            "image": image,
            "index": formats.make_index("index", formats.OCI),
            "docker": formats.make_image("docker", formats.DOCKER),
            "docker-index": formats.make_index("docker-index", formats.DOCKER),
            "zstd": formats.make_image("zstd", formats.ZSTD),
            "artifact": formats.make_artifact("artifact", image.root),
        }
        for tag, each in made.items():
            with self.subTest(kind=tag):
                self.push(each, tag)
                self._check_pull(each.root.digest, each.root)
                self._check_pull(tag, each.root)
                for manifest in each.manifests:
                    self._check_pull(manifest.digest, manifest, accept="*/*")

    def test_by_tag_first(self):
        made = self.push(formats.make_image("tag-first", formats.OCI), "tag-first")
        self._check_pull("tag-first", made.root)

    def test_a_tag_may_look_like_much(self):
        made = self.push(formats.make_image("tags", formats.OCI))
        for tag in ("_", "v1.0-rc.1", "A" * 128, "latest"):
            upload(self.cluster.registry, REPOSITORY, formats.Made(made.manifests, {}), tag)
            self._check_pull(tag, made.root)

    def test_unchanged(self):
        made = self.push(formats.make_image("unchanged", formats.OCI), "unchanged")
        for reference in (made.root.digest, "unchanged"):
            path = f"/v2/{REPOSITORY}/manifests/{reference}"
            etag = self.send("GET", path, {"Accept": _ACCEPT}).headers["ETag"]
            for method in ("GET", "HEAD"):
                answer = self.send(method, path, {"Accept": _ACCEPT, "If-None-Match": etag})
                self.assertEqual(answer.status, 304)
                self.assertEqual(answer.body, b"")
                self.assertEqual(answer.headers["Docker-Content-Digest"], made.root.digest)
            answer = self.send("GET", path, {"If-None-Match": f'"{_UNKNOWN_DIGEST}"'})
            self.check_content(answer, made.root.data, made.root.media_type)

    def test_unknown_manifest(self):
        self.push(formats.make_image("known", formats.OCI), "known")
        for repository in (REPOSITORY, "conformance/never"):
            for reference in (_UNKNOWN_DIGEST, "missing-tag"):
                for method in ("GET", "HEAD"):
                    with self.subTest(repository=repository, reference=reference, method=method):
                        path = f"/v2/{repository}/manifests/{reference}"
                        answer = self.send(method, path, {"Accept": _ACCEPT}, None, _UNKNOWN_S)
                        codes = {"MANIFEST_UNKNOWN", "NAME_UNKNOWN"}
                        self.check_error(answer, {404}, codes, method)

    def test_malformed_names(self):
        for path in (
            "/v2/Upper/manifests/latest",
            "/v2/a..b/manifests/latest",
            f"/v2/-a/blobs/{_UNKNOWN_DIGEST}",
            f"/v2/{REPOSITORY}/manifests/.tag",
            f"/v2/{REPOSITORY}/manifests/{'a' * 129}",
        ):
            with self.subTest(path=path):
                answer = self.send("GET", path, timeout_s=_UNKNOWN_S)
                codes = {"NAME_INVALID", "NAME_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN"}
                self.check_error(answer, {400, 404}, codes | {"TAG_INVALID"})


class ReadOnlyTest(AgentCase):
    """Whatever writes is refused, the same for what is there and what is not."""

    def test_pushes_and_deletions(self):
        made = self.push(formats.make_image("there", formats.OCI), "there")
        blob = next(iter(made.blobs))
        uploads = f"/v2/{REPOSITORY}/blobs/uploads"
        manifests = f"/v2/{REPOSITORY}/manifests"
        for method, path, allowed in (
            ("POST", f"{uploads}/", ""),
            ("POST", f"{uploads}/?digest={blob}", ""),
            ("POST", f"{uploads}/?mount={blob}&from=conformance/other", ""),
            ("PATCH", f"{uploads}/0123", ""),
            ("PUT", f"{uploads}/0123?digest={blob}", ""),
            ("DELETE", f"{uploads}/0123", ""),
            ("PUT", f"{manifests}/there", "GET, HEAD"),
            ("PUT", f"{manifests}/{made.root.digest}", "GET, HEAD"),
            ("DELETE", f"{manifests}/there", "GET, HEAD"),
            ("DELETE", f"{manifests}/{made.root.digest}", "GET, HEAD"),
            ("DELETE", f"/v2/{REPOSITORY}/blobs/{blob}", "GET, HEAD"),
            ("DELETE", f"/v2/{REPOSITORY}/blobs/{_UNKNOWN_DIGEST}", "GET, HEAD"),
        ):
            with self.subTest(method=method, path=path):
                body = None if method == "DELETE" else b"{}"
                answer = self.send(method, path, {"Content-Type": layout.MANIFEST_TYPE}, body)
                self.check_error(answer, {405}, {"UNSUPPORTED"})
                self.assertEqual(answer.headers["Allow"], allowed)
        answer = self.send("GET", f"{manifests}/there", {"Accept": _ACCEPT})
        self.check_content(answer, made.root.data, made.root.media_type)


if __name__ == "__main__":
    main()
