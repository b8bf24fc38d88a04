"""What the registry holds about one format."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tonearm.transforms.audio.formats.claim import Claim, ClaimReader, ReadAt
from tonearm.transforms.audio.frames.frame_stream import FrameStream

Recogniser = Callable[[bytes], bool]
"""Tells whether a file's first bytes, those behind any tags, are of one format."""


class Decoder(StrEnum):
    """A library that decodes; ``decoder_order`` knows the class that is behind each name."""

    LIBSNDFILE = "libsndfile"
    FFMPEG = "FFmpeg"
    TENSORFLOW_IO = "TensorFlow I/O"


def never(head: bytes) -> bool:
    """The recogniser of formats without a signature."""
    del head
    return False


def nowhere(head: bytes) -> int | None:
    """The answer of formats in whose samples no other format hides."""
    del head
    return None


def claims_nothing(read_at: ReadAt, start: int, size: int) -> Claim:
    """The claim reader of formats whose containers are not asked for a length."""
    del read_at, start, size
    return Claim()


@dataclass(frozen=True, slots=True, eq=False)
class AudioFormat:
    """A family of files that one demuxer reads: an entry of the registry.

    Attributes:
        name: A stable lower-case word.
        title: What people call it, for messages and docs.
        endings: The file endings that promise it, with the dot, in lower case.
        decoders: The libraries that read it, in the order in which they are tried, unless the call asks for
            another one; none if it can only be named.
        demuxer: FFmpeg's name for it; empty if FFmpeg does not read it.
        soundfile: The names by which libsndfile may call such a file; empty if it does not read it.
        is_begun_by: Recognises the format by its signature.
        frames: For streams of frames that have no signature: how a frame is recognised.
        signature: Where rubbish may come first: matches what the format begins with, and surely nothing else.
        read_claim: Reads what a file says about its own length.
        states_length: False if what the decoders report as length is a guess from the bit rate.
        skips_tags: True if all its decoders skip ID3v2 tags in front of it themselves.
        hides_in_samples: True if discs and recorders put it where another container says that samples are.
        is_inside: Recognises some of it in any 64 KiB of an intact file; None where nothing is certain.
        sync: What its frames or bursts begin with, where such samples need not begin with a whole one.
        samples_at: Of such a container: says of its first bytes where the samples begin, in which something
            else may hide.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    decoders: tuple[Decoder, ...]
    demuxer: str = ""
    soundfile: tuple[str, ...] = ()
    is_begun_by: Recogniser = never
    frames: FrameStream | None = None
    signature: re.Pattern[bytes] | None = None
    read_claim: ClaimReader = claims_nothing
    states_length: bool = True
    skips_tags: bool = False
    hides_in_samples: bool = False
    is_inside: Recogniser | None = None
    sync: re.Pattern[bytes] | None = None
    samples_at: Callable[[bytes], int | None] = nowhere

    def __str__(self) -> str:
        return self.title


def starts_with(*signatures: bytes) -> Recogniser:
    """Recognise files that begin with one of these bytes."""
    return lambda head: head.startswith(signatures)
