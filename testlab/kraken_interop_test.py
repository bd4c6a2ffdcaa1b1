"""Our processes and one of Kraken's version 1 in the same cluster.

Origin, tracker, build-index and agents run as they are; the other peer was written without them
(kraken/peer_wire/testing/kraken_v1*.py): it finds its torrents and its peers as Kraken's agents do,
over HTTP, takes pieces from ours and gives ours some.

  kraken_interop_test.py --program=NAME=PATH...
"""

import hashlib
import os
import random
import socket
import tempfile
import threading
import unittest

from kraken.peer_wire.testing import kraken_v1 as v1
from kraken.peer_wire.testing.kraken_v1_http import Refused, Server
from testlab.lab.network import LoopbackNetwork
from testlab.lab.program_case import PROGRAMS, main
from testlab.lab.small import SmallCluster

_NAMESPACE = "library/debian"
_PIECE_BYTES = 256 << 10
_TIMEOUT_S = 60


class _Cluster(SmallCluster):
    """Two agents, a folder as the backend, and room for peers of version 1."""

    def __init__(self, folder, with_tls, origins=("origin",)):
        agents = ["agent1", "agent2"]
        super().__init__(LoopbackNetwork(), folder, PROGRAMS, agents, with_tls, origins)
        for name in ("kraken", "stranger"):
            self.add_host(name)
        self._blobs = os.path.join(folder, "backend", "blobs", "sha256")
        os.makedirs(self._blobs)
        backend = {"file": {"root_directory": os.path.join(folder, "backend")}}
        self.add_daemons(backend, backend)
        for origin in self.origins:
            origin.configure(metainfogen={"piece_lengths": {"0": str(_PIECE_BYTES)}})
        compat = {"kraken": True, "allowed_cidrs": [f"{self.hosts['kraken'].ip}/32"]}
        for daemon in (*self.origins, self.tracker, *self.agents):
            daemon.configure(compat=compat)

    def push(self, blob):
        """Puts a blob where origins find it; returns its digest's hex digits."""
        name = hashlib.sha256(blob).hexdigest()
        with open(os.path.join(self._blobs, name), "wb") as file:
            file.write(blob)
        return name

    def server(self, daemon, seen_from="kraken"):
        """A process of ours over HTTP, seen from a host."""
        tls = daemon.place.tls
        address = daemon.place.ip, daemon.place.port
        return Server(address, self.hosts[seen_from].ip, tls.wrap if tls else None)


class _KrakenPeer:
    """A peer of version 1 with one blob, whole or on its way."""

    def __init__(self, cluster, metainfo, pieces=None):
        self._ip = cluster.hosts["kraken"].ip
        self._tracker = cluster.server(cluster.tracker)
        self.metainfo = metainfo
        self.pieces = pieces or {}
        self._listener = socket.create_server((self._ip, 0))
        self._listener.settimeout(_TIMEOUT_S)
        self.address = self._ip, self._listener.getsockname()[1]
        # As Kraken's peer_id_factory does it: addr_hash.
        self.id = hashlib.sha1("{}:{}".format(*self.address).encode()).hexdigest()
        self._thread = None
        self.served = 0

    def close(self):
        self._listener.close()
        if self._thread:
            self._thread.join()

    def announce(self, version=2):
        complete = len(self.pieces) == self.metainfo.piece_count
        return self._tracker.announce(self.metainfo, self.id, self.address, complete, version)

    def leech_from(self, peer):
        """Takes all from a peer that the tracker has named; returns the blob."""
        connection = v1.dial(peer.address, _TIMEOUT_S, self._ip)
        answer = v1.open_torrent(connection, self.metainfo, self.id, peer.id, self.pieces)
        v1.Session(connection, self.metainfo, self.pieces, answer.have).leech()
        connection.close()
        return v1.blob_of(self.metainfo, self.pieces)

    def seed_to(self, peer):
        """Dials a peer and gives it what it asks for, until it needs nothing. False if the peer
        hangs up at once: it does not know the blob yet."""
        connection = v1.dial(peer.address, _TIMEOUT_S, self._ip)
        try:
            answer = v1.open_torrent(connection, self.metainfo, self.id, peer.id, self.pieces)
            session = v1.Session(connection, self.metainfo, self.pieces, answer.have)
            session.seed()
            self.served = session.served
            return True
        except v1.Closed:
            return False
        finally:
            connection.close()

    def serve(self):
        """Serves the next who dials, meanwhile."""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def _serve(self):
        try:
            connection = v1.Connection(self._listener.accept()[0], _TIMEOUT_S)
        except OSError:  # closed
            return
        opener = v1.accept_torrent(connection, self.metainfo, self.id, self.pieces)
        session = v1.Session(connection, self.metainfo, self.pieces, opener.have)
        session.seed()
        self.served = session.served
        connection.close()


def _wait_for_log(daemon, text):
    daemon.until(f"{text} in its log", lambda: text in daemon.log(), _TIMEOUT_S)


class _InteropTest:
    """What holds with and without TLS among our own."""

    with_tls = False

    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.cluster = _Cluster(cls._folder.name, cls.with_tls)
        cls.cluster.start()
        cls.tracker = cls.cluster.server(cls.cluster.tracker)
        cls.origin = cls.cluster.server(cls.cluster.origin)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls._folder.cleanup()

    def _push(self, size):
        """Returns a new blob and its metainfo, as Kraken would make it."""
        blob = random.Random(f"{self.id()} {size}").randbytes(size)
        self.cluster.push(blob)
        return blob, v1.Metainfo.of_blob(blob, _PIECE_BYTES)

    def _peer(self, metainfo, pieces=None):
        peer = _KrakenPeer(self.cluster, metainfo, pieces)
        self.addCleanup(peer.close)
        return peer

    def _pull(self, agent, metainfo):
        """As a container runtime does."""
        path = f"/v2/{_NAMESPACE}/blobs/sha256:{metainfo.name}"
        answer = agent.registry.get(path, timeout_s=_TIMEOUT_S)
        self.assertEqual(answer.status, 200, answer.text[:500])
        return answer.body

    def _known(self, metainfo):
        """The same, as the tracker tells it: a cold blob is fetched meanwhile."""
        told = self.tracker.metainfo(_NAMESPACE, metainfo.name)
        self.assertEqual(vars(told), vars(metainfo))
        return told

    def test_leeches_from_an_origin(self):
        blob, metainfo = self._push(20 * _PIECE_BYTES + 12_345)
        peer = self._peer(self._known(metainfo))
        peers, interval_s = peer.announce()
        self.assertGreater(interval_s, 0)
        [origin] = [other for other in peers if other.origin]
        self.assertTrue(origin.complete)
        self.assertEqual(peer.leech_from(origin), blob)

    def test_leeches_a_blob_that_is_no_torrent_among_ours(self):
        for size in (1, 1000, 60_000):
            blob, metainfo = self._push(size)
            peer = self._peer(self._known(metainfo))
            [origin], _ = peer.announce()
            self.assertEqual(peer.leech_from(origin), blob)

    def test_leeches_from_an_agent(self):
        blob, metainfo = self._push(20 * _PIECE_BYTES + 1)
        agent = self.cluster.agents[0]
        self.assertEqual(self._pull(agent, metainfo), blob)
        peer = self._peer(self._known(metainfo))

        def named():
            peers, _ = peer.announce(version=1)
            return [other for other in peers if not other.origin]

        [ours] = agent.until("the tracker to name it", named, _TIMEOUT_S)
        self.assertEqual(ours.address, (agent.host.ip, agent.peer_port))
        self.assertEqual(peer.leech_from(ours), blob)

    def test_seeds_to_an_agent(self):
        blob, metainfo = self._push(20 * _PIECE_BYTES + 2)
        seeder = self._peer(self._known(metainfo), v1.pieces_of(metainfo, blob)).serve()
        self.assertEqual(seeder.announce()[0], None)
        agent = self.cluster.agents[1]
        before = agent.received_bytes()
        # Nobody else has it.
        origin = self.cluster.origin
        origin.terminate(_TIMEOUT_S)
        self.addCleanup(self.cluster.tracker.wait_until_ready)
        self.addCleanup(origin.wait_until_ready)
        self.addCleanup(origin.start)
        self.assertEqual(self._pull(agent, metainfo), blob)
        received = agent.received_bytes()
        self.assertEqual(received["origin"], before["origin"])
        self.assertGreaterEqual(received["agent"] - before["agent"], len(blob))

        def served():
            return seeder.served == metainfo.piece_count

        agent.until("the seeder to know it", served, _TIMEOUT_S)

    def test_peers_of_version_1_hear_of_each_other(self):
        blob, metainfo = self._push(5 * _PIECE_BYTES)
        self._known(metainfo)
        seeder = self._peer(metainfo, v1.pieces_of(metainfo, blob)).serve()
        seeder.announce()
        leecher = self._peer(metainfo)
        peers, _ = leecher.announce()
        [found] = [other for other in peers if not other.origin]
        self.assertEqual((found.id, found.address), (seeder.id, seeder.address))
        self.assertTrue(found.complete)
        self.assertEqual(leecher.leech_from(found), blob)

    def test_origins_tell_trackers_of_version_1(self):
        blob, metainfo = self._push(3 * _PIECE_BYTES)
        address = self.cluster.origin.place.address
        self.assertEqual(self.origin.locations(metainfo.name), [address])
        self.assertEqual(self.origin.size(_NAMESPACE, metainfo.name), len(blob))
        told = self.origin.internal_metainfo(_NAMESPACE, metainfo.name)
        self.assertEqual(vars(told), vars(metainfo))
        context = self.origin.peer_context()
        self.assertTrue(context.origin)
        self.assertEqual(self._peer(metainfo).leech_from(context), blob)

    def test_what_nobody_has_is_not_found(self):
        metainfo = v1.Metainfo.of_blob(b"never pushed", _PIECE_BYTES)
        for ask in (self.tracker.metainfo, self.origin.internal_metainfo, self.origin.size):
            with self.assertRaises(Refused) as refused:
                ask(_NAMESPACE, metainfo.name)
            self.assertEqual(refused.exception.status, 404)

    def test_another_piece_length_is_another_torrent(self):
        blob, metainfo = self._push(3 * _PIECE_BYTES)
        self._known(metainfo)
        peer = self._peer(v1.Metainfo.of_blob(blob, 2 * _PIECE_BYTES))
        with self.assertRaises(Refused) as refused:
            peer.announce()
        self.assertEqual(refused.exception.status, 400)

    def test_strangers_are_refused(self):
        blob, metainfo = self._push(3 * _PIECE_BYTES)
        peer = self._peer(self._known(metainfo))
        [origin], _ = peer.announce()
        tracker = self.cluster.server(self.cluster.tracker, seen_from="stranger")
        with self.assertRaises(Refused) as refused:
            tracker.announce(metainfo, peer.id, peer.address, False)
        self.assertEqual(refused.exception.status, 403)
        ip = self.cluster.hosts["stranger"].ip
        # Nor may a peer send ours to where none may be.
        with self.assertRaises(Refused) as refused:
            self.tracker.announce(metainfo, peer.id, (ip, 1), False)
        self.assertEqual(refused.exception.status, 403)
        connection = v1.dial(origin.address, _TIMEOUT_S, ip)
        with self.assertRaises(v1.Closed):
            v1.open_torrent(connection, metainfo, peer.id, origin.id)
        connection.close()
        _wait_for_log(self.cluster.origin, "compat.allowed_cidrs")
        _wait_for_log(self.cluster.tracker, "compat.allowed_cidrs")
        self.assertEqual(peer.leech_from(origin), blob)

    def test_malformed_announces_are_refused(self):
        for body in ({}, [], {"name": "x"}, {"name": "0" * 64, "peer": {}}, {"peer": [[[[[1]]]]]}):
            for method, path in (("GET", "/announce"), ("POST", "/announce/" + "0" * 40)):
                status, _, _ = self.tracker.send(method, path, body)
                self.assertEqual(status, 400, body)


class PlainTest(_InteropTest, unittest.TestCase):
    """Without TLS."""


class SecureTest(_InteropTest, unittest.TestCase):
    """With TLS among our own, and for HTTP. Between peers, version 1 knows none."""

    with_tls = True


class CopyingOriginTest(unittest.TestCase):
    """An origin takes pieces from a peer of version 1 while it copies a blob from another origin,
    whose signed list says what the pieces must be."""

    # Of the other origin: one piece goes at once, and the next four minutes later.
    _SLOW = {"conn": {"bandwidth": {"enable": True, "egress_bits_per_sec": 8000}}}
    # What may have come from there, each of two slots a piece.
    _FROM_ORIGIN = 2

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.cluster = _Cluster(folder.name, with_tls=True, origins=("origin1", "origin2"))
        self.addCleanup(self.cluster.close)
        for origin in self.cluster.origins:
            origin.configure(scheduler=self._SLOW)
        self.cluster.start()
        self.blob = random.Random(2).randbytes(40 * _PIECE_BYTES + 7)
        self.cluster.push(self.blob)
        self.metainfo = v1.Metainfo.of_blob(self.blob, _PIECE_BYTES)

    def _begin_to_copy(self):
        """One origin has the blob, the other begins to copy it; returns the second."""
        digest = f"sha256:{self.metainfo.name}"
        first = self.cluster.origin.locations(digest)[0]
        [source] = [each for each in self.cluster.origins if each.place.address == first]
        [other] = [each for each in self.cluster.origins if each is not source]
        told = self.cluster.server(source).internal_metainfo(_NAMESPACE, self.metainfo.name)
        self.assertEqual(vars(told), vars(self.metainfo))
        self.assertEqual(other.get_blob(_NAMESPACE, digest).status, 202)
        return other

    def _seed(self, origin, pieces):
        peer = _KrakenPeer(self.cluster, self.metainfo, pieces)
        self.addCleanup(peer.close)
        context = self.cluster.server(origin).peer_context()
        origin.until("the origin to know the list", lambda: peer.seed_to(context), _TIMEOUT_S)
        return peer

    def _holds(self, origin):
        return origin.holds(f"sha256:{self.metainfo.name}", len(self.blob))

    def test_seeds_to_an_origin(self):
        origin = self._begin_to_copy()
        peer = self._seed(origin, v1.pieces_of(self.metainfo, self.blob))
        origin.until("the whole blob", lambda: self._holds(origin), _TIMEOUT_S)
        self.assertGreaterEqual(peer.served, self.metainfo.piece_count - self._FROM_ORIGIN)
        received = origin.received_bytes()
        self.assertLessEqual(received["origin"], self._FROM_ORIGIN * _PIECE_BYTES)
        self.assertGreaterEqual(received["agent"], len(self.blob) - received["origin"])

    def test_keeps_nothing_that_is_not_on_the_list(self):
        origin = self._begin_to_copy()
        forged = {i: bytes(len(p)) for i, p in v1.pieces_of(self.metainfo, self.blob).items()}
        peer = self._seed(origin, forged)
        self.assertGreater(peer.served, 0)
        self.assertFalse(self._holds(origin))
        # It is banned, and one with the right pieces is not.
        self._seed(origin, v1.pieces_of(self.metainfo, self.blob))
        origin.until("the whole blob", lambda: self._holds(origin), _TIMEOUT_S)


class OffTest(unittest.TestCase):
    """Without the section `compat`."""

    def test_nobody_is_let_in(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        cluster = _Cluster(folder.name, with_tls=False)
        self.addCleanup(cluster.close)
        for daemon in (cluster.origin, cluster.tracker, *cluster.agents):
            daemon.configure(compat={})
        cluster.start()
        blob = random.Random(1).randbytes(3 * _PIECE_BYTES)
        cluster.push(blob)
        metainfo = v1.Metainfo.of_blob(blob, _PIECE_BYTES)
        agent = cluster.agents[0]
        path = f"/v2/{_NAMESPACE}/blobs/sha256:{metainfo.name}"
        self.assertEqual(agent.registry.get(path, timeout_s=_TIMEOUT_S).body, blob)
        peer = _KrakenPeer(cluster, metainfo)
        self.addCleanup(peer.close)
        for ask in (
            peer.announce,
            lambda: cluster.server(cluster.tracker).metainfo(_NAMESPACE, metainfo.name),
            cluster.server(cluster.origin).peer_context,
        ):
            with self.assertRaises(Refused) as refused:
                ask()
            self.assertEqual(refused.exception.status, 404)
        for daemon in (cluster.origin, agent):
            address = daemon.host.ip, daemon.peer_port
            peer_id = hashlib.sha1("{}:{}".format(*address).encode()).hexdigest()
            connection = v1.dial(address, _TIMEOUT_S, cluster.hosts["kraken"].ip)
            with self.assertRaises(v1.Closed):
                v1.open_torrent(connection, metainfo, peer.id, peer_id)
            connection.close()
            _wait_for_log(daemon, "compat.kraken")
        _wait_for_log(cluster.tracker, "compat.kraken")


if __name__ == "__main__":
    main()
