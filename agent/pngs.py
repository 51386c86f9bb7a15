"""A PNG's chunks: which of them make the picture, and how much of it is there (PNG specification, third edition)."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Side chunks that change what is seen. Others hold texts, sizes and times, and can only do harm.
_SEEN = {b"tRNS", b"iCCP", b"eXIf", b"acTL", b"fcTL", b"fdAT"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def bare(data: bytes) -> bytes:
    """A PNG without the side chunks that a picture does not need, and without those whose checksum is wrong: browsers
    take no notice of them, decoders refuse the picture. Anything else comes back as it is; so does a cut end."""
    if not data.startswith(SIGNATURE):
        return data
    kept, end = [SIGNATURE], len(SIGNATURE)
    for kind, start, end in _chunks(data):
        needed = not kind[0] & 32 or (kind in _SEEN and _sound(data, start, end))
        if needed:
            kept.append(data[start:end])
        if kind == b"IEND":
            return b"".join(kept)
    return b"".join([*kept, data[end:]])


def rows(data: bytes) -> int | None:
    """How many of the rows of a cut PNG's first picture arrived; None where they do not come in order (interlaced) or
    its head is missing."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    depth, colour, interlaced = data[24], data[25], data[28]
    if interlaced or colour not in _CHANNELS or not width:
        return None
    row = 1 + -(-width * depth * _CHANNELS[colour] // 8)  # each begins with its filter
    arrived, stream = 0, zlib.decompressobj()
    for part in _compressed(data):
        try:
            while part and arrived < row * height:
                arrived += len(stream.decompress(part, 1 << 20))
                part = stream.unconsumed_tail
        except zlib.error:
            break
    return min(arrived // row, height)


def _compressed(data: bytes) -> Iterator[bytes]:
    end = len(SIGNATURE)
    for kind, start, end in _chunks(data):
        if kind == b"IDAT":
            yield data[start + 8 : end - 4]
    if data[end + 4 : end + 8] == b"IDAT":
        yield data[end + 8 :]


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of every whole chunk, up to the first that is cut or none."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data) or not kind.isalpha():
            return
        yield kind, at, end
        at = end


def _sound(data: bytes, start: int, end: int) -> bool:
    return data[end - 4 : end] == struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))
