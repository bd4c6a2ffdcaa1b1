"""Where skopeo, podman and buildah look for signatures: nowhere."""

import json
import os


def look_nowhere(home):
    """Says so to programs whose HOME is `home`; returns the folder that they can be told too.

    Their own default is a folder of the machine's root, which a mapped root may not read.
    """
    folder = os.path.join(home, ".config", "containers", "registries.d")
    os.makedirs(folder)
    empty = {"default-docker": {"lookaside": f"file://{folder}/none"}}
    with open(os.path.join(folder, "default.yaml"), "w", encoding="utf-8") as file:
        json.dump(empty, file)  # JSON is YAML.
    return folder
