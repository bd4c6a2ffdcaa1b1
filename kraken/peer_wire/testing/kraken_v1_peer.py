"""A peer of Kraken's version 1 for one errand, for a test that watches from outside.

leech PORT PEER_ID METAINFO OUT   fetches the blob from the peer, into the file OUT
seed METAINFO BLOB                prints its port and id, and serves the first who dials
hostile PORT PEER_ID METAINFO     breaks the protocol in every way, a connection each; a good one
                                  among them goes on
"""

import os
import socket
import struct
import sys

from kraken.peer_wire.testing import kraken_v1 as v1

_TIMEOUT_S = 30


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _open(port, peer_id, metainfo, have=()):
    """Dials, and shakes hands; returns the connection and the peer's handshake."""
    connection = v1.dial(("127.0.0.1", port), _TIMEOUT_S)
    answer = v1.open_torrent(connection, metainfo, os.urandom(20).hex(), peer_id, have)
    return connection, answer


def _leech(port, peer_id, metainfo):
    """Returns the blob."""
    connection, answer = _open(port, peer_id, metainfo)
    pieces = {}
    v1.Session(connection, metainfo, pieces, answer.have).leech()
    connection.close()
    return v1.blob_of(metainfo, pieces)


def leech(port, peer_id, metainfo_path, out_path):
    blob = _leech(int(port), peer_id, v1.Metainfo.parse(_read(metainfo_path)))
    with open(out_path, "wb") as file:
        file.write(blob)


def seed(metainfo_path, blob_path):
    metainfo = v1.Metainfo.parse(_read(metainfo_path))
    pieces = v1.pieces_of(metainfo, _read(blob_path))
    own_id = os.urandom(20).hex()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_TIMEOUT_S)
        print(listener.getsockname()[1], own_id, flush=True)
        connection = v1.Connection(listener.accept()[0], _TIMEOUT_S)
    opener = v1.accept_torrent(connection, metainfo, own_id, pieces)
    session = v1.Session(connection, metainfo, pieces, opener.have)
    session.seed()
    connection.close()
    if session.served < metainfo.piece_count - len(opener.have):
        raise v1.ProtocolError(f"only {session.served} pieces were asked for")


def _bad_handshakes(metainfo):
    good = v1.handshake(metainfo, os.urandom(20).hex(), ())
    name, info_hash, peer_id = metainfo.name, metainfo.info_hash(), os.urandom(20).hex()

    def with_bitfield(bitfield):
        body = v1.field(2, info_hash) + v1.field(3, name) + v1.field(4, peer_id)
        return v1.part(3, body + v1.field(5, bitfield))

    yield struct.pack(">I", 0)
    yield struct.pack(">I", 33 << 10) + bytes(100)
    yield struct.pack(">I", 4) + b"\xff\xff\xff\xff"
    for message in (
        v1.complete(),
        v1.of_piece(v1.PIECE_REQUEST, 0, metainfo.length_of(0)),
        with_bitfield(b""),
        with_bitfield(v1.encode_bitfield((), metainfo.piece_count + 1)),
        with_bitfield(v1.encode_bitfield((), 100_000)),
        with_bitfield(struct.pack(">2Q", 1 << 63, 0)),
        # Of as many pieces, with the bit of one more.
        with_bitfield(
            v1.encode_bitfield({metainfo.piece_count}, metainfo.piece_count + 1).replace(
                struct.pack(">Q", metainfo.piece_count + 1),
                struct.pack(">Q", metainfo.piece_count),
            )
        ),
        good.replace(name.encode(), b"z" * 64),
    ):
        yield struct.pack(">I", len(message)) + message


def _bad_messages(metainfo):
    last = metainfo.piece_count - 1
    whole = metainfo.length_of(0)
    for kind in (v1.PIECE_REQUEST, v1.PIECE_PAYLOAD):
        yield v1.of_piece(kind, metainfo.piece_count, whole)
        yield v1.of_piece(kind, -1, 0)
        yield v1.of_piece(kind, -1, whole)
        yield v1.of_piece(kind, 0, -1)
        yield v1.of_piece(kind, 0, whole + 1)
        yield v1.of_piece(kind, 0, (1 << 31) - 1)
        yield v1.of_piece(kind, last, metainfo.length_of(last) - 1)
    yield v1.of_piece(v1.PIECE_PAYLOAD, 0, whole)  # nobody asked for it
    yield v1.of_piece(v1.ANNOUNCE_PIECE, metainfo.piece_count)
    yield v1.of_piece(v1.ANNOUNCE_PIECE, -1)
    yield v1.of_piece(v1.CANCEL_PIECE, 1 << 30)
    for kind in (v1.PIECE_REQUEST, v1.PIECE_PAYLOAD, v1.ANNOUNCE_PIECE, v1.ERROR, 7, 100, 102):
        yield v1.field(2, kind)  # without what it is about
    yield os.urandom(30)


def hostile(port, peer_id, metainfo_path):
    port = int(port)
    metainfo = v1.Metainfo.parse(_read(metainfo_path))
    good, answer = _open(port, peer_id, metainfo)
    count = 0
    for data in _bad_handshakes(metainfo):
        connection = v1.dial(("127.0.0.1", port), _TIMEOUT_S)
        connection.send_raw(data)
        connection.wait_for_close()
        count += 1
    for message in _bad_messages(metainfo):
        connection, _ = _open(port, peer_id, metainfo)
        connection.send(message)
        connection.wait_for_close()
        count += 1
    pieces = {}
    v1.Session(good, metainfo, pieces, answer.have).leech()
    v1.blob_of(metainfo, pieces)
    print(count, flush=True)


if __name__ == "__main__":
    {"leech": leech, "seed": seed, "hostile": hostile}[sys.argv[1]](*sys.argv[2:])
