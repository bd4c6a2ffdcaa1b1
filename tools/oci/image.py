"""Builds an image: an OCI layout of the base's layers and the given ones.

  image.py SPEC OUTPUT

SPEC is JSON: {"base": layout or null, "tars": [path...], "config": {...}, "annotations": {...},
"os": ..., "architecture": ...}; "config" has the keys of the OCI image configuration.
"""

import json
import re
import sys

from tools.oci import layout

# Reproducible: an image has the time of no clock.
_CREATED = "1970-01-01T00:00:00Z"
# Maps of the configuration, which add to the base's; everything else replaces it.
_MAPS = ("Labels", "ExposedPorts", "Volumes")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def merge_config(base, own):
    """The base's configuration with ours laid over."""
    merged = dict(base)
    for key, value in own.items():
        if key in _MAPS:
            merged[key] = {**base.get(key, {}), **value}
        elif key == "Env":
            merged[key] = merge_env(base.get(key, []), value)
        else:
            merged[key] = value
    if "Entrypoint" in own and "Cmd" not in own:
        merged.pop("Cmd", None)  # The base's arguments were for the base's program.
    return merged


def merge_env(base, own):
    """Lists of NAME=VALUE; ours win, and may use the base's values as $NAME or ${NAME}."""
    values = dict(item.split("=", 1) for item in base)
    for item in own:
        name, _, value = item.partition("=")
        values[name] = _VARIABLE.sub(lambda found: values.get(found[1], found[0]), value)
    return ["%s=%s" % item for item in values.items()]


def _read_base(spec, target):
    """The base's (configuration, layer descriptors), its layers copied to the target."""
    if not spec["base"]:
        return {"config": {}, "rootfs": {"type": "layers", "diff_ids": []}, "history": []}, []
    base = layout.Layout(spec["base"])
    manifest = base.read_json(base.only_manifest()["digest"])
    for blob in manifest["layers"]:
        target.add_file(blob["digest"], base.blob_path(blob["digest"]))
    return base.read_json(manifest["config"]["digest"]), manifest["layers"]


def build(spec, folder):
    """Writes the image's layout to a folder."""
    target = layout.Layout.create(folder)
    image, layers = _read_base(spec, target)
    diff_ids = list(image["rootfs"]["diff_ids"])
    history = list(image.get("history", []))
    layers = list(layers)
    for tar in spec["tars"]:
        info = layout.inspect_layer(tar)
        target.add_file(info.descriptor["digest"], tar)
        layers.append(info.descriptor)
        diff_ids.append(info.diff_id)
        history.append({"created": _CREATED, "created_by": "oci_image"})
    config = {
        "created": _CREATED,
        "os": spec["os"] or image.get("os", "linux"),
        "architecture": spec["architecture"] or image.get("architecture", "amd64"),
        "config": merge_config(image.get("config", {}), spec["config"]),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": layout.MANIFEST_TYPE,
        "config": target.add_json(layout.CONFIG_TYPE, config),
        "layers": layers,
    }
    if spec["annotations"]:
        manifest["annotations"] = spec["annotations"]
    found = target.add_json(layout.MANIFEST_TYPE, manifest)
    platform = {"os": config["os"], "architecture": config["architecture"]}
    target.write_index([{**found, "platform": platform}])


def main(arguments):
    with open(arguments[1], encoding="utf-8") as file:
        build(json.load(file), arguments[2])


if __name__ == "__main__":
    main(sys.argv)
