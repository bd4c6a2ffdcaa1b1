"""A process that is killed again and again while a blob comes to it, and what each kill costs."""

import typing

from testlab.lab.errors import LabError
from testlab.lab.process import KILLED

# What of a blob is under way from one peer to one receiver at most: kraken/swarm/config.h,
# max_requests_per_link.
_PIECES_PER_PEER = 2
# What an origin reads of the registry comes in order: one piece. Another one for the image's
# manifest and configuration, which it counts too.
_PIECES_OF_REGISTRY = 2
_MORE_THAN_A_MANIFEST = 64 << 10
_NOTHING = {"backend": 0, "peers": 0}


class Life(typing.NamedTuple):
    """From a start to the next kill, or to the end."""

    name: str
    fetched_bytes: int
    # Fetched, and not on record when it was over: the next life has to fetch it again.
    lost_bytes: int
    # The most that may be. A piece is on record from when it is verified, so it is what was under
    # way: two pieces from each peer, and as many from each peer that died.
    bound_bytes: int


class Victim:
    """An agent or an origin."""

    def __init__(self, lab, daemon, digest, piece_bytes, peers):
        """`peers`: how many others may send it pieces of the blob."""
        self.daemon = daemon
        self._lab = lab
        self.lives = []
        self.kills = 0
        self._digest = digest
        self._piece_bytes = piece_bytes
        self._peers = peers
        self._deaths_of_peers = 0
        self._recorded_at_start = 0
        self._fetched_before = daemon.fetched_bytes()

    @property
    def recorded_bytes(self):
        """How much of the blob is on record."""
        return self.daemon.store.recorded_bytes(self._digest)

    def downloads(self, wanted_bytes, at_once):
        """Of an agent: so much is on record, and it works at the rest (unless `at_once`)."""
        if self.recorded_bytes < wanted_bytes:
            return False
        return at_once or self.daemon.metrics().total("kraken_downloads_active") > 0

    def reads_registry(self, wanted_bytes):
        """Of an origin: so much is on record, some of it new, and it is the one that reads."""
        recorded = self.recorded_bytes
        if recorded < wanted_bytes or recorded <= self._recorded_at_start:
            return False
        if self.kills:
            return self.daemon.metrics().total("kraken_backend_fetches_total") > 0
        # Before its first death it may have read an image's manifest alone.
        return self._fetched()["backend"] > _MORE_THAN_A_MANIFEST

    def kill(self):
        """kill -9 and a start, which is not waited for."""
        fetched = self._fetched()
        self.daemon.kill()
        if self.daemon.exit_code != KILLED:
            raise LabError(f"{self.daemon.name} ended with {self.daemon.exit_code}")
        if self.daemon.store.piece_bytes(self._digest) != self._piece_bytes:
            raise LabError(f"{self.daemon.name} was killed too late, with all of the blob")
        self.kills += 1
        self._end_life(fetched, self.recorded_bytes)
        self._lab.between_lives(self.daemon, self._digest)
        self.daemon.start()

    def note_death_of_peer(self):
        self._deaths_of_peers += 1

    def finish(self, size_bytes):
        """It has the whole blob now."""
        self._end_life(self._fetched(), size_bytes)

    def _end_life(self, fetched, recorded):
        pieces = _PIECES_PER_PEER * (self._peers + self._deaths_of_peers)
        if fetched["backend"]:
            pieces += _PIECES_OF_REGISTRY
        total = sum(fetched.values())
        lost = total - (recorded - self._recorded_at_start)
        self.lives.append(Life(self.daemon.name, total, lost, pieces * self._piece_bytes))
        self._recorded_at_start = recorded
        self._fetched_before = _NOTHING
        self._deaths_of_peers = 0

    def _fetched(self):
        """In this life. Nothing, of one that has only just been started."""
        try:
            now = self.daemon.fetched_bytes()
        except OSError:
            return _NOTHING
        return {source: int(now[source] - self._fetched_before[source]) for source in now}
