"""Kraken's version 1 between peers, written anew from a description of its wire: bencode, the
metainfo's hash, protobuf by hand, and a connection.

Shares nothing with the programs that it is to meet. Standard library only.
"""

import hashlib
import json
import socket
import struct
import zlib

# A message's `type`.
BITFIELD = 0
PIECE_REQUEST = 1
PIECE_PAYLOAD = 2
ANNOUNCE_PIECE = 3
CANCEL_PIECE = 4
ERROR = 5
COMPLETE = 6

_MAX_MESSAGE_BYTES = 32 << 10
_WORD_BITS = 64
_VARINT = 0
_BYTES = 2


class ProtocolError(Exception):
    """The other side broke the protocol."""


class Closed(Exception):
    """The other side has closed the connection."""


# ---- Bencode and metainfo ----


def bencode(value):
    """Integers, text, lists and dictionaries."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        data = value.encode()
        return b"%d:%s" % (len(data), data)
    if isinstance(value, list):
        return b"l" + b"".join(bencode(each) for each in value) + b"e"
    items = sorted(value.items())
    return b"d" + b"".join(bencode(key) + bencode(each) for key, each in items) + b"e"


class Metainfo:
    """What a v1 process knows of a blob."""

    def __init__(self, name, length, piece_length, piece_sums):
        """`name`: the digest's 64 hex digits."""
        self.name = name
        self.length = length
        self.piece_length = piece_length
        self.piece_sums = piece_sums

    @classmethod
    def of_blob(cls, blob, piece_length):
        """Makes it from the bytes."""
        starts = range(0, len(blob), piece_length)
        sums = [zlib.crc32(blob[start : start + piece_length]) for start in starts]
        return cls(hashlib.sha256(blob).hexdigest(), len(blob), piece_length, sums)

    @classmethod
    def parse(cls, text):
        """Reads what origins and trackers answer."""
        info = json.loads(text)["Info"]
        return cls(info["Name"], info["Length"], info["PieceLength"], info["PieceSums"] or [])

    @property
    def piece_count(self):
        return len(self.piece_sums)

    def length_of(self, piece):
        """Of a piece, in bytes."""
        return min(self.piece_length, self.length - piece * self.piece_length)

    def info_hash(self):
        """As 40 hex digits."""
        info = {
            "PieceLength": self.piece_length,
            "PieceSums": self.piece_sums,
            "Name": self.name,
            "Length": self.length,
        }
        return hashlib.sha1(bencode(info)).hexdigest()


# ---- Protobuf ----


def _varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field, as text, bytes or an integer; nothing if it has its default."""
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value) if value else b""
    data = value.encode() if isinstance(value, str) else value
    return part(number, data) if data else b""


def part(number, data):
    """A message within a message: there even if it is empty."""
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


def _read_varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ProtocolError("a number that breaks off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ProtocolError("a number without an end")


def fields(data):
    """A message's fields by number; of equal ones the last."""
    found = {}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        if tag & 7 == _VARINT:
            found[tag >> 3], at = _read_varint(data, at)
        elif tag & 7 == _BYTES:
            size, at = _read_varint(data, at)
            if at + size > len(data):
                raise ProtocolError("a field that is longer than its message")
            found[tag >> 3] = data[at : at + size]
            at += size
        else:
            raise ProtocolError(f"a field of kind {tag & 7}")
    return found


# ---- Messages ----


def encode_bitfield(pieces, count):
    """A set of pieces in Go's encoding: the number of bits, then words, lowest bit first."""
    words = [0] * ((count + _WORD_BITS - 1) // _WORD_BITS)
    for piece in pieces:
        words[piece // _WORD_BITS] |= 1 << piece % _WORD_BITS
    return struct.pack(f">{1 + len(words)}Q", count, *words)


def decode_bitfield(data):
    """The set, and of how many pieces it is."""
    if len(data) < 8 or len(data) % 8:
        raise ProtocolError(f"a bitfield of {len(data)} bytes")
    count, *words = struct.unpack(f">{len(data) // 8}Q", data)
    if len(words) != (count + _WORD_BITS - 1) // _WORD_BITS:
        raise ProtocolError(f"a bitfield of {len(words)} words for {count} pieces")
    bits = {
        word * _WORD_BITS + bit
        for word, value in enumerate(words)
        for bit in range(_WORD_BITS)
        if value >> bit & 1
    }
    if bits and max(bits) >= count:
        raise ProtocolError("a bitfield with bits beyond its end")
    return bits, count


def handshake(metainfo, peer_id, have, namespace=""):
    """The first message."""
    body = (
        field(2, metainfo.info_hash())
        + field(3, metainfo.name)
        + field(4, peer_id)
        + field(5, encode_bitfield(have, metainfo.piece_count))
        + field(6, namespace)
    )
    return field(2, BITFIELD) + part(3, body)


def of_piece(kind, piece, length=0):
    """A request, payload, announcement or cancellation: each has its field."""
    number = {PIECE_REQUEST: 4, PIECE_PAYLOAD: 5, ANNOUNCE_PIECE: 6, CANCEL_PIECE: 7}[kind]
    return field(2, kind) + part(number, field(2, piece) + field(4, length))


def complete():
    """All pieces are here."""
    return field(2, COMPLETE) + part(9, b"")


class Handshake:
    """Another peer's."""

    def __init__(self, message):
        found = fields(message)
        if found.get(2, BITFIELD) != BITFIELD or 3 not in found:
            raise ProtocolError("the first message is no handshake")
        body = fields(found[3])
        self.info_hash = body.get(2, b"").decode()
        self.name = body.get(3, b"").decode()
        self.peer_id = body.get(4, b"").decode()
        self.have, self.piece_count = decode_bitfield(body.get(5, b""))


class Connection:
    """Frames on a socket: a length, a message, and after PIECE_PAYLOAD the bytes themselves."""

    def __init__(self, sock, timeout_s):
        self._socket = sock
        self._socket.settimeout(timeout_s)

    def close(self):
        self._socket.close()

    def send_raw(self, data):
        """Bytes as they are. An end that the other side has made already is found by reading."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, message, payload=b""):
        self.send_raw(struct.pack(">I", len(message)) + message + payload)

    def read(self, size):
        """So many bytes."""
        data = bytearray()
        while len(data) < size:
            try:
                more = self._socket.recv(min(size - len(data), 1 << 20))
            except ConnectionResetError as error:
                raise Closed from error
            if not more:
                raise Closed
            data += more
        return bytes(data)

    def receive(self):
        """The next message's bytes."""
        (size,) = struct.unpack(">I", self.read(4))
        if size > _MAX_MESSAGE_BYTES:
            raise ProtocolError(f"a message of {size} bytes")
        return self.read(size)

    def wait_for_close(self):
        """Until the other side closes; what it still says does not matter."""
        try:
            while True:
                self.read(1)
        except Closed:
            pass


def dial(address, timeout_s, own_ip=None):
    """A connection to (ip, port), from an address of ours."""
    source = (own_ip, 0) if own_ip else None
    return Connection(socket.create_connection(address, timeout_s, source), timeout_s)


def open_torrent(connection, metainfo, own_id, peer_id, have=()):
    """Shakes hands with the peer that has been dialled; returns its handshake."""
    connection.send(handshake(metainfo, own_id, have, "library/debian"))
    answer = Handshake(connection.receive())
    if answer.peer_id != peer_id:
        raise ProtocolError(f"the peer is {answer.peer_id}, not {peer_id}")
    _check_torrent(answer, metainfo)
    return answer


def accept_torrent(connection, metainfo, own_id, have):
    """Shakes hands with a peer that has dialled; returns its handshake."""
    opener = Handshake(connection.receive())
    _check_torrent(opener, metainfo)
    connection.send(handshake(metainfo, own_id, have))
    return opener


def _check_torrent(theirs, metainfo):
    if (theirs.name, theirs.info_hash) != (metainfo.name, metainfo.info_hash()):
        raise ProtocolError("the peer means another torrent")
    if theirs.piece_count != metainfo.piece_count:
        raise ProtocolError(f"the peer's bitfield is of {theirs.piece_count} pieces")


class Session:
    """One torrent with one peer, after the handshakes: asks for what it lacks, serves the rest."""

    PIPELINE = 3

    def __init__(self, connection, metainfo, pieces, theirs):
        """`pieces`: index to bytes, filled as they come. `theirs`: the pieces that the peer has."""
        self._connection = connection
        self._metainfo = metainfo
        self._pieces = pieces
        self._theirs = set(theirs)
        self._asked = set()
        self.served = 0

    @property
    def is_complete(self):
        return len(self._pieces) == self._metainfo.piece_count

    def leech(self):
        """Until all pieces are here."""
        self._ask()
        while not self.is_complete:
            self._take(self._connection.receive())

    def seed(self):
        """Until the peer has all, or closes."""
        try:
            while len(self._theirs) < self._metainfo.piece_count:
                self._take(self._connection.receive())
        except Closed:
            pass

    def _ask(self):
        for piece in sorted(self._theirs):
            if len(self._asked) >= self.PIPELINE:
                return
            if piece in self._pieces or piece in self._asked:
                continue
            self._asked.add(piece)
            length = self._metainfo.length_of(piece)
            self._connection.send(of_piece(PIECE_REQUEST, piece, length))

    def _take(self, message):
        found = fields(message)
        kind = found.get(2, BITFIELD)
        if kind == PIECE_REQUEST:
            self._serve(fields(found[4]))
        elif kind == PIECE_PAYLOAD:
            self._keep(fields(found[5]))
        elif kind == ANNOUNCE_PIECE:
            self._theirs.add(fields(found[6]).get(2, 0))
            self._ask()
        elif kind == COMPLETE:
            self._theirs = set(range(self._metainfo.piece_count))
            self._ask()
        elif kind == ERROR:
            raise ProtocolError(f"the peer says: {fields(found[8]).get(2)}")
        elif kind != CANCEL_PIECE:  # which Kraken does not heed
            raise ProtocolError(f"a message of type {kind}")

    def _whole_piece(self, body):
        piece = body.get(2, 0)
        if not 0 <= piece < self._metainfo.piece_count:
            raise ProtocolError(f"piece {piece}")
        if body.get(3, 0) or body.get(4, 0) != self._metainfo.length_of(piece):
            raise ProtocolError(f"a part of piece {piece}")
        return piece

    def _serve(self, body):
        piece = self._whole_piece(body)
        data = self._pieces[piece]
        self._connection.send(of_piece(PIECE_PAYLOAD, piece, len(data)), data)
        self.served += 1
        self._theirs.add(piece)

    def _keep(self, body):
        piece = self._whole_piece(body)
        data = self._connection.read(self._metainfo.length_of(piece))
        if zlib.crc32(data) != self._metainfo.piece_sums[piece]:
            raise ProtocolError(f"piece {piece} is corrupt")
        self._asked.discard(piece)
        self._pieces[piece] = data
        self._ask()


def blob_of(metainfo, pieces):
    """The whole, checked as Docker does it."""
    blob = b"".join(pieces[piece] for piece in range(metainfo.piece_count))
    if hashlib.sha256(blob).hexdigest() != metainfo.name:
        raise ProtocolError("the blob is not what its digest says")
    return blob


def pieces_of(metainfo, blob):
    """A whole blob's pieces by index."""
    step = metainfo.piece_length
    return {i: blob[i * step : (i + 1) * step] for i in range(metainfo.piece_count)}
