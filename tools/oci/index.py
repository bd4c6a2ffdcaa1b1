"""Builds an image index: one name for the images of several platforms.

  index.py OUTPUT LAYOUT...
"""

import sys

from tools.oci import layout


def build(folder, images):
    """Writes a layout that holds the images and one index over them."""
    target = layout.Layout.create(folder)
    manifests = []
    platforms = set()
    for image in images:
        found = target.add_image(layout.Layout(image))
        platform = tuple(sorted(found.get("platform", {}).items()))
        if platform in platforms:
            raise ValueError("two images for the platform %s" % dict(platform))
        platforms.add(platform)
        manifests.append(found)
    index = {"schemaVersion": 2, "mediaType": layout.INDEX_TYPE, "manifests": manifests}
    target.write_index([target.add_json(layout.INDEX_TYPE, index)])


def main(arguments):
    build(arguments[1], arguments[2:])


if __name__ == "__main__":
    main(sys.argv)
