"""Decoding the links of a chain one after the other, whatever rate and channels each of them has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tonearm.transforms.audio.decoders.decoder import DecoderError
from tonearm.transforms.audio.decoders.downmix import Block
from tonearm.transforms.audio.decoders.ffmpeg import FfmpegDecoder
from tonearm.transforms.audio.decoders.packets import Promise
from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.surveys.link import Link


class ChainDecoder:
    """An open file of several links, read through FFmpeg link by link.

    FFmpeg itself gives up where a link has another rate or number of channels than the one before.

    Args:
        descriptor: Open file descriptor; stays the caller's.
        audio_format: What the file is.
        links: Where the links are.

    Raises:
        DecoderError: FFmpeg cannot read the first link.
    """

    def __init__(self, descriptor: int, audio_format: AudioFormat, links: Sequence[Link]) -> None:
        self._descriptor = descriptor
        self._format = audio_format
        self._links = links
        self._promise = Promise()
        self._current: FfmpegDecoder | None = self._open(links[0])
        self.info = replace(self._current.info, duration_s=None)

    def _open(self, link: Link) -> FfmpegDecoder:
        return FfmpegDecoder(self._descriptor, self._format, link.start, link.end)

    @property
    def reads_samples(self) -> int | None:
        """See :class:`AudioDecoder`: None, as all links are read."""
        return None

    @property
    def promise(self) -> Promise:
        """After the last block: what the packets of all links were to give."""
        return self._promise

    def blocks(self) -> Iterator[Block]:
        """Yield the signal link after link; one that cannot be decoded is left out and counted."""
        for number, link in enumerate(self._links):
            try:
                current = self._current if number == 0 and self._current else self._open(link)
                self._current = current
                yield from current.blocks()
                self._promise += current.promise
            except DecoderError:
                self._promise += Promise(broke_off=True)
            finally:
                self.close()

    def close(self) -> None:
        """Release what FFmpeg holds."""
        if self._current is not None:
            self._current.close()
            self._current = None
