"""Packs files to a layer.

  file_layer.py SPEC OUTPUT

SPEC is JSON: {"files": [[path, source, mode]...], "symlinks": {path: target},
"directories": [path...]}.
"""

import json
import sys

from tools.oci import layer


def main(arguments):
    with open(arguments[1], encoding="utf-8") as file:
        spec = json.load(file)
    target = layer.Layer()
    for path, source, mode in spec["files"]:
        with open(source, "rb") as file:
            target.add_file(path, file.read(), int(mode, 8))
    for path, link in spec["symlinks"].items():
        target.add_symlink(path, link)
    for path in spec["directories"]:
        target.add_directory(path)
    target.write(arguments[2])


if __name__ == "__main__":
    main(sys.argv)
