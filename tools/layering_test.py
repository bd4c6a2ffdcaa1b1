"""Checks the arrows between rooms in the BUILD files, and that a wrong arrow is refused."""

import ast
import json
import os
import unittest

from tools import build_file

_TABLE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "layers_table.bzl")
_ROOT = os.path.dirname(os.path.dirname(_TABLE))


def load_table(path):
    """The literals that a .bzl file assigns at its top level."""
    with open(path, encoding="utf-8") as table:
        tree = ast.parse(table.read())
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }


class Layers:
    """Which room may lean on which."""

    def __init__(self, table):
        self._line = {room: i for i, rooms in enumerate(table["LAYERS"]) for room in rooms}
        self._packages = table["ROOM_PACKAGES"]

    def rooms(self):
        return set(self._line)

    def room_of(self, package):
        """The room that a package belongs to, or None."""
        for room, folder in self._packages.items():
            if package == folder or package.startswith(folder + "/"):
                return room
        return None

    def allows(self, user, used):
        return user == used or self._line[used] < self._line[user]

    def wrong_arrows(self, package, calls):
        """A message for each arrow or visibility of `package` that breaks the layers."""
        room = self.room_of(package)
        if room is None:
            return []
        problems = []
        for call in calls:
            if call.function == "package":
                problems += self._check_default_visibility(room, package, call)
                continue
            for attribute, value in call.kwargs.items():
                for text in build_file.strings_in(value):
                    target = "//%s:%s" % (package, call.name)
                    if attribute == "visibility":
                        problems += self._check_visibility(room, target, text)
                    elif text.startswith("//"):
                        problems += self._check_arrow(room, target, text)
        return problems

    def _check_arrow(self, room, target, label):
        used = self.room_of(label[2:].split(":")[0])
        if used is None or self.allows(room, used):
            return []
        return ["%s must not use %s: arrows go down only" % (target, label)]

    def _check_visibility(self, room, target, label):
        if label == "//visibility:private":
            return []
        user = self.room_of(label[2:].split(":")[0])
        if user is not None and self.allows(user, room):
            return []
        return ["%s must not be visible to %s" % (target, label)]

    def _check_default_visibility(self, room, package, call):
        value = call.kwargs.get("default_visibility")
        if isinstance(value, build_file.Call) and value.function == "layer_visibility":
            if value.args and value.args[0] in (room, "daemon"):
                return []
        if value == ["//visibility:private"]:
            return []
        return ["//%s: package() needs default_visibility = layer_visibility(%r)" % (package, room)]


def _calls(text):
    return build_file.read_calls(text, "BUILD.bazel")


class WrongArrowTest(unittest.TestCase):
    def setUp(self):
        self.layers = Layers(load_table(_TABLE))

    def _problems(self, package, text):
        return self.layers.wrong_arrows(package, _calls(text))

    def test_downward_arrow_is_accepted(self):
        text = 'kh_cc_library(name = "a", deps = ["//kraken/base:digest", ":b", "@zlib//:zlib"])'
        self.assertEqual(self._problems("kraken/swarm", text), [])

    def test_upward_arrow_is_refused(self):
        text = 'kh_cc_library(name = "a", deps = ["//kraken/swarm"])'
        self.assertEqual(len(self._problems("kraken/base", text)), 1)

    def test_sideways_arrow_is_refused(self):
        text = 'kh_cc_library(name = "a", deps = ["//kraken/config:yaml"])'
        self.assertEqual(len(self._problems("kraken/net", text)), 1)

    def test_arrow_between_daemons_is_refused(self):
        text = 'kh_cc_binary(name = "a", deps = ["//kraken/origin:service"])'
        self.assertEqual(len(self._problems("kraken/agent", text)), 1)

    def test_arrow_inside_select_is_refused(self):
        text = 'kh_cc_library(name = "a", deps = [":b"] + select({"//x": ["//testlab:lab"]}))'
        self.assertEqual(len(self._problems("kraken/net/http", text)), 1)

    def test_public_visibility_is_refused(self):
        text = 'kh_cc_library(name = "a", visibility = ["//visibility:public"])'
        self.assertEqual(len(self._problems("kraken/net", text)), 1)

    def test_default_visibility_of_another_room_is_refused(self):
        good = 'package(default_visibility = layer_visibility("net"))'
        bad = 'package(default_visibility = layer_visibility("base"))'
        self.assertEqual(self._problems("kraken/net", good), [])
        self.assertEqual(len(self._problems("kraken/net", bad)), 1)


class LayerVisibilityTest(unittest.TestCase):
    """layers.bzl, which Bazel evaluated for each room, against the table."""

    def test_visible_exactly_to_self_and_higher_lines(self):
        layers = Layers(load_table(_TABLE))
        evaluated = json.loads(os.environ["LAYER_VISIBILITY"])
        self.assertEqual(set(evaluated), layers.rooms())
        for used, visible_to in evaluated.items():
            packages = [label[2:].split(":")[0] for label in visible_to]
            users = {layers.room_of(package) for package in packages} - {None}
            self.assertEqual(users, {user for user in layers.rooms() if layers.allows(user, used)})


class CheckoutTest(unittest.TestCase):
    """The real BUILD files. Bazel's symlink leads from the test's folder to the checkout."""

    def test_every_arrow_goes_down(self):
        layers = Layers(load_table(_TABLE))
        problems = []
        for path in build_file.find_build_files(_ROOT):
            package = os.path.dirname(path)
            if layers.room_of(package) is None:
                continue
            with open(os.path.join(_ROOT, path), encoding="utf-8") as text:
                problems += layers.wrong_arrows(package, build_file.read_calls(text.read(), path))
        self.assertEqual(problems, [], "\n".join(problems))


if __name__ == "__main__":
    unittest.main()
