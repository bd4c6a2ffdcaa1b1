"""Zstandard frames without a compressor: raw blocks, and runs of one byte (RFC 8878)."""

_MAGIC = b"\x28\xb5\x2f\xfd"
# Frame_Header_Descriptor: a content size of 4 bytes, a single segment, no checksum.
_DESCRIPTOR = b"\xa0"
_MAX_BLOCK_BYTES = 128 << 10
_RAW, _RUN = 0, 1


def frame(content):
    """One frame that any decoder turns back into `content`."""
    starts = range(0, len(content), _MAX_BLOCK_BYTES) or [0]
    blocks = [content[start : start + _MAX_BLOCK_BYTES] for start in starts]
    packed = [_block(block, last=False) for block in blocks[:-1]]
    packed.append(_block(blocks[-1], last=True))
    return _MAGIC + _DESCRIPTOR + len(content).to_bytes(4, "little") + b"".join(packed)


def _block(content, last):
    is_run = len(content) > 1 and content.count(content[:1]) == len(content)
    kind = _RUN if is_run else _RAW
    header = last | kind << 1 | len(content) << 3
    return header.to_bytes(3, "little") + (content[:1] if is_run else content)
