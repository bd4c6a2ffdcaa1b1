"""Pushes exact bytes to a registry: every media type, nothing converted on the way."""

import concurrent.futures
import urllib.parse

from testlab.lab.errors import LabError

_TIMEOUT_S = 60
_AT_ONCE = 8


def upload(registry, repository, made, tag=None):
    """Blobs, manifests by digest, and the root by its tag too. `made`: formats.Made."""
    for digest, content in made.blobs.items():
        _upload_blob(registry, repository, digest, content)
    for manifest in made.manifests:
        upload_manifest(registry, repository, manifest, manifest.digest)
    if tag:
        upload_manifest(registry, repository, made.root, tag)


def upload_blobs(registry, blobs):
    """Several at once: a registry waits for its disk. `blobs`: {repository: {digest: bytes}}"""
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        uploads = [
            pool.submit(_upload_blob, registry, repository, digest, content)
            for repository, contents in blobs.items()
            for digest, content in contents.items()
        ]
        for done in uploads:
            done.result()


def _upload_blob(registry, repository, digest, content):
    begun = _send(registry, "POST", f"/v2/{repository}/blobs/uploads/", 202)
    where = urllib.parse.urlsplit(begun.headers["Location"])
    path = f"{where.path}?{where.query}&digest={urllib.parse.quote(digest)}"
    _send(registry, "PUT", path, 201, content, "application/octet-stream")


def upload_manifest(registry, repository, manifest, reference):
    """One formats.Manifest, whose blobs are there. `reference`: a tag, or its digest."""
    path = f"/v2/{repository}/manifests/{reference}"
    _send(registry, "PUT", path, 201, manifest.data, manifest.media_type)


def _send(registry, method, path, expected, body=b"", media_type=None):
    headers = {**registry.authorization(), "Content-Length": str(len(body))}
    if media_type:
        headers["Content-Type"] = media_type
    answer = registry.place.send(method, path, body, headers, _TIMEOUT_S)
    if answer.status != expected:
        raise LabError(f"{method} {registry.place.url}{path}: {answer.status} {answer.text[:500]}")
    return answer
