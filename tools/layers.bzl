"""Visibility that enforces the layers: a wrong arrow between rooms does not build."""

load("//tools:layers_table.bzl", "LAYERS", "ROOM_PACKAGES", "TOOL_PACKAGES")

def _subpackages(package):
    return "//%s:__subpackages__" % package

def layer_visibility(room):
    """Who may depend on a room: itself, every room on a higher line, and the tools.

    Args:
      room: a name in LAYERS, or "daemon" for the daemon whose folder the calling package is in.

    Returns:
      A list for `package(default_visibility = ...)`.
    """
    if room == "daemon":
        room = _room_of_package(native.package_name())
    line = -1
    for i, rooms in enumerate(LAYERS):
        if room in rooms:
            line = i
    if line < 0:
        fail("no such room: %s (tools/layers_table.bzl has them all)" % room)
    visible_to = [room]
    for rooms in LAYERS[line + 1:]:
        visible_to += rooms
    return [_subpackages(ROOM_PACKAGES[name]) for name in visible_to] + [
        _subpackages(package)
        for package in TOOL_PACKAGES
    ]

def _room_of_package(package):
    for room, folder in ROOM_PACKAGES.items():
        if package == folder or package.startswith(folder + "/"):
            return room
    fail("package %s belongs to no room in tools/layers_table.bzl" % package)
