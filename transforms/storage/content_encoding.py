"""Objects that a store keeps compressed, by their ``Content-Encoding``."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import PIECE_BYTES, StorageError

_GZIP_MAGIC = b"\x1f\x8b"

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
"""Tells zlib to expect gzip's header and checksum."""


def decoded(pieces: Iterator[bytes], content_encoding: str | None) -> Iterator[bytes]:
    """The bytes that an object stands for, in pieces of bounded size.

    Args:
        pieces: The bytes as they are stored.
        content_encoding: The object's header; only ``gzip`` changes anything, and only if the bytes are of
            that kind: some tools set the header on what they don't compress.

    Raises:
        StorageError: ``unreadable`` if the compressed bytes are damaged.
    """
    first = next(pieces, b"")
    named = {token.strip().lower() for token in (content_encoding or "").split(",")}
    if named.isdisjoint({"gzip", "x-gzip"}) or not first.startswith(_GZIP_MAGIC):
        if first:
            yield first
        yield from pieces
        return
    yield from _decompressed(first, pieces)


def _decompressed(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress one gzip member after the other; several may be joined in one object."""
    member, waiting = zlib.decompressobj(_GZIP_WINDOW), first
    try:
        while waiting or (waiting := next(pieces, b"")):
            if member.eof:
                waiting = waiting.lstrip(b"\0")  # padding behind a member, as gzip itself leaves it out
                member = zlib.decompressobj(_GZIP_WINDOW) if waiting else member
                continue
            if out := member.decompress(waiting, PIECE_BYTES):
                yield out
            waiting = member.unused_data if member.eof else member.unconsumed_tail
        if rest := member.flush():
            yield rest
    except zlib.error as error:
        raise StorageError(ErrorWord.UNREADABLE, "its gzip encoding is damaged", retriable=False) from error
    if not member.eof:
        raise StorageError(ErrorWord.UNREADABLE, "its gzip encoding is cut off", retriable=False)
