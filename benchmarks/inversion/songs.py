"""One song in the measurement: what is heard of it, how it is rebuilt, and what its tags become."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.inversion.rebuilding import Samples, audio_from
from benchmarks.inversion.recognition import HEARD_S, WORD_S, Fingerprint, bits_alike, fingerprint
from benchmarks.inversion.ways import WAYS, Patches, Rounding, Way
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.tags import tag_scores
from tonearm.models.engines.contract import Array, Engine
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.features.spectrogram import spectrogram_of

REBUILT_PATCHES = 12
"""From a song's beginning, 36 s of musicnn's: some 270 words of a fingerprint."""


@dataclass(frozen=True, slots=True)
class Song:
    """A song and what audio and tags it is compared with.

    Attributes:
        patches: float32 [patches, frames, bands], all of the song's.
        fingerprint: Of the part that is rebuilt.
        scores: [patches, units] of the patches as they are.
        rounded_scores: The same of the patches as each way's rounding leaves them.
    """

    patches: Patches
    fingerprint: Fingerprint
    scores: Array
    rounded_scores: Mapping[Rounding, Array]

    @classmethod
    def read(cls, path: Path, tagger: Tagger, engine: Engine) -> Song:
        """Decode a song, fingerprint the part to be rebuilt, and score all of its patches."""
        front_end = tagger.front_end
        with open_audio(path) as audio:
            samples = np.concatenate(list(audio.samples(front_end.sample_rate_hz)))
        patches = spectrogram_of([samples], front_end).patches
        rebuilt = samples[: _samples_in(min(len(patches), REBUILT_PATCHES), tagger)]
        roundings = {way.rounded for way in WAYS}
        return cls(
            patches=patches,
            fingerprint=fingerprint(rebuilt, front_end.sample_rate_hz),
            scores=engine.infer(patches)[0],
            rounded_scores={rounded: engine.infer(rounded(patches))[0] for rounded in roundings},
        )


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a way of handing a song over gives away, and what it costs.

    Attributes:
        alike: Share of alike bits, the mean over the words that hang on what is handed over alone.
        speed: Seconds of audio rebuilt in a second of processor time.
        score_moves: Largest difference of a track score from that of the patches as they are.
        kept: Selected tags that stay so.
        lost: Selected tags that no longer are.
        new: Tags that become selected.
    """

    alike: float
    speed: float
    score_moves: float
    kept: int
    lost: int
    new: int


def handed_over(song: Song, way: Way, tagger: Tagger) -> HandedOver:
    """Rebuild the beginning of a song and tag the song, both from what is handed over."""
    scores = song.rounded_scores[way.rounded][way.kept(len(song.patches))]
    before, now = _selected(song.scores, tagger), _selected(scores, tagger)
    alike, speed = _recognised(song, way, tagger)
    return HandedOver(
        alike=alike,
        speed=speed,
        score_moves=float(np.abs(scores.mean(axis=0) - song.scores.mean(axis=0)).max()),
        kept=len(before & now),
        lost=len(before - now),
        new=len(now - before),
    )


def _recognised(song: Song, way: Way, tagger: Tagger) -> tuple[float, float]:
    """Mean share of alike bits, and the speed of rebuilding."""
    beginning = way.rounded(song.patches[:REBUILT_PATCHES])
    rate_hz = tagger.front_end.sample_rate_hz
    begun = time.process_time()
    pieces = list(_rebuilt(beginning, way, tagger))
    taken = time.process_time() - begun
    audio = np.zeros(_samples_in(len(beginning), tagger), np.float32)
    alike_by_piece = []
    for place, piece in pieces:
        begin = _samples_in(place, tagger)
        audio[:] = 0
        audio[begin : begin + len(piece)] = piece
        alike = bits_alike(song.fingerprint, fingerprint(audio, rate_hz))
        starts_s = np.arange(len(alike)) * WORD_S
        within = (starts_s >= begin / rate_hz) & (starts_s + HEARD_S <= (begin + len(piece)) / rate_hz)
        alike_by_piece.append(alike[within])
    return float(np.concatenate(alike_by_piece).mean()), sum(
        len(piece) for _, piece in pieces
    ) / rate_hz / taken


def _rebuilt(beginning: Patches, way: Way, tagger: Tagger) -> Iterator[tuple[int, Samples]]:
    """Rebuild what lies side by side in one piece, other patches each by itself; yields places and audio."""
    if not way.gap and not way.shuffled:
        yield 0, audio_from(beginning.reshape(-1, beginning.shape[2]), tagger.front_end)
        return
    for place in way.kept(len(beginning)):
        yield int(place), audio_from(beginning[place], tagger.front_end)


def _samples_in(patches: int, tagger: Tagger) -> int:
    return patches * tagger.front_end.patch_hop_frames * tagger.front_end.hop_length


def _selected(scores: Array, tagger: Tagger) -> set[tuple[str, str]]:
    return {(tag.facet, tag.tag) for tag in tag_scores(tagger, scores) if tag.selected}
