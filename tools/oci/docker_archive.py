"""Writes an image as `docker load` reads it.

  docker_archive.py LAYOUT OUTPUT REPO_TAG...

OUTPUT "-" is the standard output.
"""

import io
import json
import sys
import tarfile

from tools.oci import layout


def _blob_name(digest):
    return "blobs/" + digest.replace(":", "/")


def _add(tar, name, size, content):
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o444
    tar.addfile(info, content)


def write(source, tags, output):
    """Streams the archive of the layout's one image."""
    manifest = source.read_json(source.only_manifest()["digest"])
    blobs = {blob["digest"]: blob for blob in [manifest["config"], *manifest["layers"]]}
    listing = [
        {
            "Config": _blob_name(manifest["config"]["digest"]),
            "RepoTags": tags,
            "Layers": [_blob_name(blob["digest"]) for blob in manifest["layers"]],
        }
    ]
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for digest, blob in sorted(blobs.items()):
            with open(source.blob_path(digest), "rb") as content:
                _add(tar, _blob_name(digest), blob["size"], content)
        data = json.dumps(listing).encode()
        _add(tar, "manifest.json", len(data), io.BytesIO(data))


def main(arguments):
    source = layout.Layout(arguments[1])
    if arguments[2] == "-":
        write(source, arguments[3:], sys.stdout.buffer)
        return
    with open(arguments[2], "wb") as output:
        write(source, arguments[3:], output)


if __name__ == "__main__":
    main(sys.argv)
