"""Taggers that work beside the one that a run names: a shadow that is only looked at, a canary on a share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tonearm.transforms.elements.readable import readable


@dataclass(frozen=True, slots=True)
class FurtherTagger:
    """A tagger beside the one that a run names.

    Attributes:
        location: Name of an embedded bundle, or where a bundle lies.
        tagger: ``name@version``; empty until the bundle was looked at.
        bundle_sha256: Of its ``bundle.json``; likewise.
    """

    location: str
    tagger: str = ""
    bundle_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Shadow(FurtherTagger):
    """Tags every track once more; its rows go to a table of their own."""


@dataclass(frozen=True, slots=True)
class Canary(FurtherTagger):
    """Tags a share of the tracks in place of the run's tagger.

    Attributes:
        share: Above 0, up to 1.
    """

    share: float = 1.0

    def takes(self, track_id: str) -> bool:
        """True of a track in its share: always of the same ones, and of all of them if the share grows.

        The first eight bytes of the SHA-256 of the id, as a number, are below this share of all numbers.
        """
        digest = hashlib.sha256(readable(track_id).encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.share * 2**64
