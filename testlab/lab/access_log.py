"""docker-registry's access log: who took which bytes out of it."""

import collections
import re

# 198.18.0.21 - - [24/Nov/2026:22:46:33 +0000] "GET /v2/a/blobs/sha256:… HTTP/1.1" 200 42 "" "agent"
_LINE = re.compile(r'^(\S+) \S+ \S+ \[[^\]]*\] "(\S+) (\S+) [^"]*" (\d{3}) (\d+) "[^"]*" "([^"]*)"')
_BLOB = re.compile(r"^/v2/(.+)/blobs/(sha256:[0-9a-f]{64})$")

Entry = collections.namedtuple("Entry", "client method path status body_bytes user_agent")


def parse(text):
    """All entries, oldest first. Other lines of the log are passed over."""
    entries = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            entries.append(
                Entry(match[1], match[2], match[3], int(match[4]), int(match[5]), match[6])
            )
    return entries


# One answer that carried a blob's bytes, whole or in part.
BlobGet = collections.namedtuple("BlobGet", "repository digest status body_bytes client")


def blob_gets(entries):
    """The GETs of blobs that gave out bytes. HEADs and refusals give out none."""
    gets = []
    for entry in entries:
        match = _BLOB.match(entry.path.partition("?")[0])
        if match and entry.method == "GET" and entry.status in (200, 206):
            gets.append(BlobGet(match[1], match[2], entry.status, entry.body_bytes, entry.client))
    return gets


def bytes_by_digest(gets):
    """{digest: [bytes of each GET]}"""
    found = collections.defaultdict(list)
    for get in gets:
        found[get.digest].append(get.body_bytes)
    return dict(found)
