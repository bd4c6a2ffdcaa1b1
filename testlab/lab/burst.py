"""Many pushes of tags that are overwritten, by several at once, each on disk when it is counted."""

import collections
import concurrent.futures
import random
import threading
import typing

from testlab.lab import formats
from testlab.lab.upload import upload_blobs, upload_manifest

_PUSHERS = 3
_OWN_LAYERS = 2
_LAYER_BYTES = 2_000
_TAGS_PER_REPOSITORY = 4


class Push(typing.NamedTuple):
    """What becomes of a tag."""

    repository: str
    tag: str
    made: formats.Made


def plan(count, overwritten, seed):
    """So many pushes, each tag about `overwritten` times; a repository's images share a layer."""
    source = random.Random(seed)
    tags = max(1, count // overwritten)
    numbers = [number % tags for number in range(count)]
    source.shuffle(numbers)
    pushes = []
    for version, number in enumerate(numbers):
        repository = f"burst/app{number // _TAGS_PER_REPOSITORY}"
        base = random.Random(f"{seed}/{repository}").randbytes(_LAYER_BYTES)
        layers = [base] + [source.randbytes(_LAYER_BYTES) for _ in range(_OWN_LAYERS)]
        made = formats.make_flat_image(f"{seed}/{version}", layers)
        pushes.append(Push(repository, f"v{number}", made))
    return pushes


class Burst:
    """Pushes in the order of the plan, except that images of different tags overtake each other."""

    def __init__(self, registry, when_pushed):
        """`when_pushed(count)` is called after each, by whoever pushed, with how many there are."""
        self._registry = registry
        self._when_pushed = when_pushed
        self._lock = threading.Lock()
        self.count = 0
        # {(repository, tag): Made} as the registry has them.
        self.last = {}

    def prepare(self, pushes):
        """Uploads all blobs, of which nobody is told. What follows is then a burst."""
        blobs = collections.defaultdict(dict)
        for push in pushes:
            blobs[push.repository].update(push.made.blobs)
        upload_blobs(self._registry, blobs)

    def push(self, pushes):
        """The manifests. LabError or OSError of the first that failed."""
        # All of a tag in one lane: the last of the plan is the last that is there.
        lanes = [[] for _ in range(_PUSHERS)]
        for push in pushes:
            lanes[int(push.tag[1:]) % _PUSHERS].append(push)
        with concurrent.futures.ThreadPoolExecutor(_PUSHERS) as pool:
            for done in [pool.submit(self._push_all, lane) for lane in lanes]:
                done.result()

    def _push_all(self, pushes):
        for push in pushes:
            manifest = push.made.root
            upload_manifest(self._registry, push.repository, manifest, push.tag)
            with self._lock:
                self.last[(push.repository, push.tag)] = push.made
                self.count += 1
                count = self.count
            self._when_pushed(count)
