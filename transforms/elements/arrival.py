"""What a source announces: a track to be worked, or one that has failed already."""

from __future__ import annotations

from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track

Arrival = Track | Failure
"""What a source yields: a track to work, or a failure that is known already."""


def track_of(arrival: Arrival) -> Track:
    """The track that an announcement is about."""
    return arrival.track if isinstance(arrival, Failure) else arrival
