"""Damages files as downloads, disks and tools do, and lets FFmpeg judge what is left to hear.

``python -m tests.transforms.audio.damage FOLDER CASES SEED [rare]`` prints what became of each case, in a
process of its own, so that a crash inside a codec library is told by name; with ``rare``, of rarer formats.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import av
import numpy as np

from tests.audio_files import RECIPES, id3v2_tag, write_audio
from tests.rare_audio_files import RARE_FILES
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.failure import TrackError

SECONDS = 2.0
DEFAULT_RATE_HZ = 22050

SMALLEST_BYTES = 1000

_DEMUXER_ERRORS = 64

Damage = Callable[[bytes, np.random.Generator], bytes]


def _span(data: bytes, random: np.random.Generator, shortest: int = 200) -> tuple[int, int]:
    """A stretch behind the header, of up to a third of the file."""
    first = min(len(data) // 10, 8000)
    start = int(random.integers(first, len(data) - shortest))
    return start, start + int(random.integers(shortest, max(len(data) // 3, shortest + 1)))


def zeros(data: bytes, random: np.random.Generator) -> bytes:
    """Overwrite a stretch with zeros, as a disk or an aborted download in pieces does."""
    start, end = _span(data, random)
    return data[:start] + bytes(len(data[start:end])) + data[end:]


def noise(data: bytes, random: np.random.Generator) -> bytes:
    """Overwrite a stretch with random bytes."""
    start, end = _span(data, random)
    return data[:start] + random.bytes(len(data[start:end])) + data[end:]


def removed(data: bytes, random: np.random.Generator) -> bytes:
    """Take a stretch out."""
    start, end = _span(data, random)
    return data[:start] + data[end:]


def repeated(data: bytes, random: np.random.Generator) -> bytes:
    """Have a stretch twice."""
    start, end = _span(data, random)
    return data[:end] + data[start:]


def many_holes(data: bytes, random: np.random.Generator) -> bytes:
    """Overwrite every second stretch of one length."""
    step = int(random.integers(100, max(len(data) // 8, 101)))
    pieces = (data[start : start + step] for start in range(0, len(data), step))
    keep_first = cycle((True, False))
    return b"".join(
        piece if keep else bytes(len(piece)) for piece, keep in zip(pieces, keep_first, strict=False)
    )


def cut_tail(data: bytes, random: np.random.Generator) -> bytes:
    """Lose the end."""
    return data[: int(random.integers(len(data) // 10, len(data)))]


def cut_head(data: bytes, random: np.random.Generator) -> bytes:
    """Lose the beginning."""
    return data[int(random.integers(1, len(data) // 2)) :]


def damaged_tail(data: bytes, random: np.random.Generator) -> bytes:
    """Overwrite the end."""
    start = int(random.integers(len(data) // 2, len(data)))
    return data[:start] + random.bytes(len(data) - start)


def damaged_head(data: bytes, random: np.random.Generator) -> bytes:
    """Change some bytes of the header."""
    changed = bytearray(data)
    for place in random.integers(0, min(len(data), 400), random.integers(1, 8)):
        changed[place] = random.integers(0, 256)
    return bytes(changed)


def header_numbers(data: bytes, random: np.random.Generator) -> bytes:
    """Put a size into the header that is none."""
    place = int(random.integers(4, min(len(data), 300)))
    number = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\x00\x00\x10\x00", b"\x00\x10\x00\x00")
    return data[:place] + number[random.integers(len(number))] + data[place + 4 :]


def joined(data: bytes, random: np.random.Generator) -> bytes:
    """Append the file to itself, the second time perhaps without its beginning."""
    return data + data[int(random.integers(0, 2)) * len(data) // 3 :]


def rubbish_before(data: bytes, random: np.random.Generator) -> bytes:
    """Prepend bytes or a tag."""
    if random.integers(2):
        return id3v2_tag(int(random.integers(0, 90_000))) + data
    return random.bytes(int(random.integers(1, 3000))) + data


def rubbish_behind(data: bytes, random: np.random.Generator) -> bytes:
    """Append bytes."""
    return data + random.bytes(int(random.integers(1, 3000)))


DAMAGES: tuple[Damage, ...] = (
    zeros,
    noise,
    removed,
    repeated,
    many_holes,
    cut_tail,
    cut_head,
    damaged_tail,
    damaged_head,
    header_numbers,
    joined,
    rubbish_before,
    rubbish_behind,
)


@dataclass(frozen=True, slots=True)
class Case:
    """What became of one damaged file.

    Attributes:
        kind: A key of ``RECIPES`` or of ``RARE_FILES``.
        damage: The name of the damage.
        number: What the random numbers were drawn from, with the kind.
        judged_s: What FFmpeg decodes of it, in seconds; it is asked only about what is said to be whole.
        heard_s: What the pipeline decodes.
        outcome: ``whole``, ``truncated`` or the word of the failure.
    """

    kind: str
    damage: str
    number: int
    judged_s: float
    heard_s: float
    outcome: str

    def __str__(self) -> str:
        """One line, for :meth:`parse`."""
        return (
            f"{self.kind} {self.damage} {self.number} {self.judged_s:.3f} {self.heard_s:.3f} {self.outcome}"
        )

    @classmethod
    def parse(cls, line: str) -> Case:
        """The case that a line tells of."""
        kind, damage, number, judged_s, heard_s, outcome = line.split()
        return cls(kind, damage, int(number), float(judged_s), float(heard_s), outcome)

    @property
    def promise_is_kept(self) -> bool:
        """True if the file was heard whole, or was flagged, or failed."""
        return self.outcome != "whole" or self.heard_s >= self.judged_s - TOLERANCE_S


TOLERANCE_S = 0.15
"""Decoders differ in delay and padding, and a damaged first or last packet is sound to one of them only."""


def lively(seconds: float, rate_hz: int) -> np.ndarray:
    """Stereo whose packets are as long as those of music: tones over noise, float32 ``[samples, 2]``."""
    random = np.random.default_rng(7)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (220.0, 331.0, 1234.0)) / 8
    hiss = random.standard_normal((len(time_s), 2)) / 12
    return (tones[:, None] + hiss * (1.5 + np.sin(3 * time_s))[:, None] / 2).astype(np.float32)


def originals(folder: Path) -> Mapping[str, bytes]:
    """A short file of every kind."""
    made = {}
    for kind, recipe in RECIPES.items():
        rate_hz = recipe.rates_hz[0] if recipe.rates_hz else DEFAULT_RATE_HZ
        signal = lively(SECONDS, rate_hz)
        made[kind] = write_audio(folder / kind, kind, signal, rate_hz=rate_hz).read_bytes()
    return made


def rare_originals() -> Mapping[str, bytes]:
    """Half a second of every rare format, but for files that are too small to be damaged."""
    made = {kind: rare.make() for kind, rare in RARE_FILES.items()}
    return {kind: data for kind, data in made.items() if len(data) >= SMALLEST_BYTES}


def cases(folder: Path, count: int, seed: int, *, rare: bool = False) -> Iterator[Case]:
    """Damage files and decode them, kind by kind and damage by damage."""
    whole = rare_originals() if rare else originals(folder)
    for number in range(count):
        kind = list(whole)[number % len(whole)]
        damage = DAMAGES[number // len(whole) % len(DAMAGES)]
        random = np.random.default_rng([seed, number])
        path = folder / "damaged"
        path.write_bytes(damage(whole[kind], random))
        heard_s, outcome = hear(path)
        judged_s = judge(path) if outcome == "whole" else 0.0
        yield Case(kind, damage.__name__, number, judged_s, heard_s, outcome)


def hear(path: Path) -> tuple[float, str]:
    """Decode with the pipeline's reader: seconds and outcome."""
    try:
        with open_audio(path) as reader:
            for _ in reader.blocks():
                pass
            return reader.decoded_s, "truncated" if reader.truncated else "whole"
    except TrackError as error:
        return 0.0, error.error.value


def judge(path: Path) -> float:
    """Seconds that FFmpeg decodes of a file, its own choice of format, past all errors."""
    seconds = 0.0
    with suppress(Exception), av.open(str(path), options={"protocol_whitelist": "file"}) as container:
        stream = next(iter(container.streams.audio), None)
        errors = 0
        while stream is not None and errors < _DEMUXER_ERRORS:
            try:
                for packet in container.demux(stream):
                    with suppress(av.FFmpegError):
                        for frame in stream.codec_context.decode(packet):
                            seconds += frame.samples / frame.sample_rate
                break
            except av.FFmpegError:
                errors += 1
    return seconds


if __name__ == "__main__":
    for case in cases(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), rare="rare" in sys.argv[4:]):
        print(case, flush=True)
