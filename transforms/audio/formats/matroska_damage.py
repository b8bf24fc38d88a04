"""Damage among the elements of a Matroska file, and how FFmpeg is led past it.

FFmpeg goes on at the next cluster, which may be five seconds away. Damage that is shown to it as an element
without content (``Void``) costs the blocks that it lies in (RFC 9559; RFC 8794 for the elements).
"""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.transforms.audio.formats.claim import Correction, ReadAt

_CLUSTER = b"\x1f\x43\xb6\x75"
_TOP_LEVEL = (
    *(_CLUSTER, b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1c\x53\xbb\x6b"),
    *(b"\x19\x41\xa4\x69", b"\x10\x43\xa7\x70", b"\x12\x54\xc3\x67"),
)
"""Cluster, SeekHead, Info, Tracks, Cues, Attachments, Chapters, Tags."""

_VOID, _CHECKSUM = 0xEC, 0xBF
_BLOCK_GROUP, _SIMPLE_BLOCK, _BLOCK = 0xA0, 0xA3, 0xA1
_IN_CLUSTER = (0xE7, _SIMPLE_BLOCK, _BLOCK_GROUP, 0xA7, 0xAB, 0xAF, _VOID, _CHECKSUM)
"""Timestamp, SimpleBlock, BlockGroup, Position, PrevSize, EncryptedBlock."""

_PIECE_BYTES = 1 << 16
_ELEMENTS_IN_A_ROW = 3
_SHORTEST_VOID_BYTES, _LONG_VOID_BYTES = 2, 9
_MOST_BREAKS = 10_000


class _Elements:
    """Reads the headers of elements, of which many lie in one piece of a file."""

    def __init__(self, read_at: ReadAt, end: int) -> None:
        self._read_at = read_at
        self.end = end
        self._piece, self._offset = b"", 0

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Some bytes; fewer at the end of the file."""
        at = offset - self._offset
        if at < 0 or at + count > len(self._piece):
            self._piece, self._offset, at = self._read_at(offset, _PIECE_BYTES), offset, 0
        return self._piece[at : at + count]

    def top_level(self, offset: int) -> tuple[int, int, bool] | None:
        """Where the body of an element of the segment begins and ends, and if it is a cluster."""
        header = self.bytes_at(offset, 12)
        name_bytes = 4 if header[:4] in _TOP_LEVEL else 1 if header[:1] in (b"\xec", b"\xbf") else 0
        body, end = _span(header, name_bytes, offset) if name_bytes else (0, 0)
        return (body, end, header[:4] == _CLUSTER) if body and end <= self.end else None

    def end_in_cluster(self, offset: int, cluster_end: int) -> int | None:
        """Where an element of a cluster ends; None if there is none at an offset."""
        header = self.bytes_at(offset, 9)
        if not header or header[0] not in _IN_CLUSTER:
            return None
        body, end = _span(header, 1, offset)
        return end if body and end <= cluster_end else None

    def next_block(self, offset: int, cluster_end: int) -> int:
        """Offset of the next block that others follow; the end of the cluster if there is none."""
        while offset < cluster_end:
            piece = self._read_at(offset, min(_PIECE_BYTES, cluster_end - offset))
            if not piece:
                break
            for at, name in enumerate(piece):
                if name in (_SIMPLE_BLOCK, _BLOCK_GROUP) and self._begins_blocks(offset + at, cluster_end):
                    return offset + at
            offset += len(piece)
        return cluster_end

    def _begins_blocks(self, offset: int, cluster_end: int) -> bool:
        header = self.bytes_at(offset, 12)
        body, _ = _span(header, 1, offset)
        first = header[body - offset : body - offset + 1] if body else b""
        is_block = first == bytes([_BLOCK]) if header[0] == _BLOCK_GROUP else first > b"\x80"
        for _ in range(_ELEMENTS_IN_A_ROW if is_block else 0):
            end = self.end_in_cluster(offset, cluster_end)
            if end is None or end == cluster_end:
                return end is not None
            offset = end
        return is_block


def _span(header: bytes, name_bytes: int, offset: int) -> tuple[int, int]:
    """Where an element's body begins and ends; zeros if its size is none, or not known."""
    first = header[name_bytes] if len(header) > name_bytes else 0
    width = 9 - first.bit_length()
    if not first or len(header) < name_bytes + width:
        return 0, 0
    size = int.from_bytes(header[name_bytes : name_bytes + width], "big") & (1 << 7 * width) - 1
    body = offset + name_bytes + width
    return (0, 0) if size == (1 << 7 * width) - 1 else (body, body + size)


def damage_as_void(read_at: ReadAt, start: int, end: int) -> Sequence[Correction]:
    """Void elements over what is none between the elements of a segment; none over a live stream's.

    Args:
        read_at: Reads bytes at an offset.
        start: Offset of the segment's first element.
        end: Offset behind its last one, or of the file's end.
    """
    elements, voids, at = _Elements(read_at, end), list[Correction](), start
    while at < end and len(voids) < _MOST_BREAKS:
        found = elements.top_level(at)
        if found is None:
            following = _next_cluster(read_at, at + _SHORTEST_VOID_BYTES, end)
            if following == end:
                break
            voids.append(_void(at, following))
            at = following
            continue
        body, at, is_cluster = found
        if is_cluster:
            voids += _damage_in_cluster(elements, body, at)
    return voids


def _damage_in_cluster(elements: _Elements, at: int, end: int) -> list[Correction]:
    voids = list[Correction]()
    while at < end and len(voids) < _MOST_BREAKS:
        following = elements.end_in_cluster(at, end)
        if following is None:
            following = elements.next_block(at + _SHORTEST_VOID_BYTES, end)
            if following - at >= _SHORTEST_VOID_BYTES:
                voids.append(_void(at, following))
        at = following
    return voids


def _next_cluster(read_at: ReadAt, at: int, end: int) -> int:
    while at < end:
        piece = read_at(at, _PIECE_BYTES)
        place = piece.find(_CLUSTER)
        if place >= 0:
            return at + place
        if len(piece) < _PIECE_BYTES:
            break
        at += len(piece) - len(_CLUSTER) + 1
    return end


def _void(start: int, end: int) -> Correction:
    """An element without content from one offset to another."""
    length = end - start
    if length < _LONG_VOID_BYTES:
        return Correction(start, bytes([_VOID, 0x80 | length - _SHORTEST_VOID_BYTES]))
    return Correction(start, bytes([_VOID]) + (1 << 56 | length - _LONG_VOID_BYTES).to_bytes(8, "big"))
