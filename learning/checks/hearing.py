"""Hears tracks: reads and decodes each once, on all cores, and says what was heard. Nothing of it is kept."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import soxr
import torch

from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.recordings.fingerprint import RATE_HZ as FINGERPRINT_RATE_HZ
from tonearm.learning.recordings.fingerprint import Fingerprint, FingerprintBuilder
from tonearm.learning.suspects.embedding import Embedder, Embedding
from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.audio.isolation.isolated_reader import open_audio_isolated, require_decoder
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.failure import Stage, TrackError, failing_at
from tonearm.transforms.elements.settings import MAX_TRACK_BYTES
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.fetch import fetch_error, fetched
from tonearm.transforms.storage.schemes import look_up

_AHEAD = 8
"""Tracks that are begun before the ones before them are done, for each core."""

Progress = Callable[[int, int, int], None]
"""``progress(done, all, failed)``, called after each track."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file sounds like.

    Attributes:
        seconds: Its length.
        fingerprint: Of its recording; None if there is too little sound.
        embedding: What a bundle makes of it; None if that was not asked, or there is too little sound.
    """

    seconds: float
    fingerprint: Fingerprint | None
    embedding: Embedding | None


@dataclass(frozen=True, slots=True)
class HeardTrack:
    """A track, and what came of hearing it.

    Attributes:
        track: The track.
        content_sha256: Of its bytes; empty if they could not be read.
        sound: What it sounds like, or why it could not be heard.
    """

    track: LabelledTrack
    content_sha256: str
    sound: Sound | TrackError


def heard(
    tracks: Sequence[LabelledTrack], embedder: Embedder | None, progress: Progress
) -> Iterator[HeardTrack]:
    """Hear tracks with consent, in their order.

    Args:
        tracks: Whoever owns them has agreed to each: they are opened here.
        embedder: Embeds them, if that is wanted.
        progress: Told of each track.

    Raises:
        MachineError: No decoder can be started.
    """
    if not tracks:
        return
    require_decoder(DecoderChoice.FFMPEG_AND_LIBSNDFILE)
    torch.set_num_threads(1)  # every core has a thread of ours already
    hearing = _Hearing(embedder)
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as threads:
        waiting = iter(tracks)
        begun: deque[Future[HeardTrack]] = deque()
        failed = 0
        try:
            for done in range(1, len(tracks) + 1):
                wanted = cores * _AHEAD - len(begun)
                begun.extend(threads.submit(hearing.hear, track) for track in islice(waiting, wanted))
                one = begun.popleft().result()
                failed += isinstance(one.sound, TrackError)
                progress(done, len(tracks), failed)
                yield one
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


class _Hearing:
    """Hears tracks; of files whose bytes are the same, one is decoded."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._known: dict[str, Sound] = {}

    def hear(self, track: LabelledTrack) -> HeardTrack:
        content_sha256 = ""
        try:
            with failing_at(Stage.FETCH), fetched(_announced(track), MAX_TRACK_BYTES) as file:
                content_sha256 = file.content_sha256
                if content_sha256 not in self._known:
                    self._known[content_sha256] = _sound(file.path, self._embedder)
            return HeardTrack(track, content_sha256, self._known[content_sha256])
        except TrackError as error:
            return HeardTrack(track, content_sha256, error)


def _announced(track: LabelledTrack) -> Track:
    try:
        found = look_up(track.uri)
    except StorageError as error:
        raise fetch_error(error) from error
    return Track(track.track_id, track.uri, found.generation, found.size_bytes, named=True)


def _sound(path: str, embedder: Embedder | None) -> Sound:
    rate_hz = embedder.rate_hz if embedder else FINGERPRINT_RATE_HZ
    builder = FingerprintBuilder()
    with failing_at(Stage.DECODE), open_audio_isolated(path, rate_hz, StageTimes()) as audio:
        samples = _shown(builder, audio.samples(), rate_hz)
        embedding = embedder.embed(samples) if embedder else None
        for _ in samples:
            pass
        return Sound(audio.decoded_s, builder.finish(), embedding)


def _shown(builder: FingerprintBuilder, pieces: Iterable[Samples], rate_hz: int) -> Iterator[Samples]:
    """The pieces; on their way the builder is shown them, at its own rate."""
    resampler = soxr.ResampleStream(rate_hz, FINGERPRINT_RATE_HZ, 1, "float32", "HQ")
    for piece in pieces:
        builder.add(piece if rate_hz == FINGERPRINT_RATE_HZ else resampler.resample_chunk(piece))
        yield piece
