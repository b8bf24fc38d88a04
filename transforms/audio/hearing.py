"""What was heard of a file, held against everything that the file promises."""

from __future__ import annotations

from tonearm.transforms.audio.downmix import Block, DownmixLevel
from tonearm.transforms.audio.formats.claim import Claim
from tonearm.transforms.audio.packets import Promise
from tonearm.transforms.audio.survey import Survey

TIME_STAMP_SLACK_S = 0.1
"""How much less than its time stamps say an intact file decodes to: delay and padding of the encoders."""

NEXT_TO_NOTHING = 0.03
"""Where a smaller share is heard, it is chance that any of it passed for sound."""

_FEWEST_PACKETS = 10
"""With fewer packets shares say nothing."""


class Hearing:
    """Adds up what decoders yield.

    Args:
        claim: What the container says about its length.
        survey: What was counted in the file.
    """

    def __init__(self, claim: Claim, survey: Survey) -> None:
        self._claim = claim
        self._survey = survey
        self._promise = Promise()
        self._promised_s = 0.0
        self._failed = False
        self._first_rate_hz = 0
        self.level = DownmixLevel()
        self._samples_by_rate: dict[int, int] = {}

    def begin(self, sample_rate_hz: int) -> None:
        """Note the rate that the container's claim is counted in."""
        self._first_rate_hz = sample_rate_hz

    def add(self, block: Block) -> None:
        """Count a block."""
        rate_hz = block.sample_rate_hz
        self._samples_by_rate[rate_hz] = self._samples_by_rate.get(rate_hz, 0) + len(block.samples)
        self.level.add(block)

    @property
    def samples(self) -> int:
        """Samples so far, at whatever rate."""
        return sum(self._samples_by_rate.values())

    @property
    def seconds(self) -> float:
        """Length so far."""
        return sum(samples / rate_hz for rate_hz, samples in self._samples_by_rate.items())

    @property
    def one_rate(self) -> bool:
        """True if all blocks so far had the rate that the file began with."""
        return not self._samples_by_rate.keys() - {self._first_rate_hz}

    def finish(self, promise: Promise, *, failed: bool) -> None:
        """Note how a decoder ended."""
        self._promise = promise
        self._promised_s = max(self._promised_s, promise.seconds)
        self._failed = failed

    @property
    def breaks_off(self) -> bool:
        """True if another decoder may get more out of the file."""
        stops_short = self._misses_claim and not self._claim.cut
        return self._failed or self.samples == 0 or stops_short or self._survey.is_missed_by(self.seconds)

    @property
    def less_than_promised(self) -> bool:
        """True if sound is missing, by any of the signs that there are."""
        return (
            self._claim.cut
            or self._failed
            or self._misses_claim
            or self._survey.lost
            or self._survey.is_missed_by(self.seconds)
            or self._misses_packets
        )

    @property
    def next_to_nothing(self) -> bool:
        """True if nearly all packets failed, or nearly all of their time was silent."""
        promise = self._promise
        if self._survey.seconds is not None or promise.packets < _FEWEST_PACKETS:
            return False
        failed = promise.failed > (1 - NEXT_TO_NOTHING) * promise.packets
        return failed or self.seconds < NEXT_TO_NOTHING * promise.seconds

    @property
    def _misses_claim(self) -> bool:
        claim = self._claim
        if claim.samples is None:
            return False
        heard = self.samples if self.one_rate else round(self.seconds * self._first_rate_hz)
        return claim.is_missed_by(heard)

    @property
    def _misses_packets(self) -> bool:
        """By the packets that the decoder met; an MP3's were counted before, with less doubt."""
        promise = self._promise
        if self._survey.seconds is not None:
            return False
        lost = promise.failed > 0 or promise.skipped_bytes > 0 or promise.broke_off
        return lost or self.seconds + TIME_STAMP_SLACK_S < self._promised_s
