"""Compares what was decoded of a file with everything that the file says about its length."""

from __future__ import annotations

from tonearm.transforms.audio.decoders.downmix import Block, DownmixLevel
from tonearm.transforms.audio.decoders.packets import Promise
from tonearm.transforms.audio.formats.claim import Claim
from tonearm.transforms.audio.surveys.survey import Survey

TIME_STAMP_SLACK_S = 0.1
"""How much shorter than its time stamps an intact file may be: encoders add delay and padding."""

STATED_SLACK_S = 0.25
STATED_SLACK_SHARE = 0.01
"""The same for a length in a header, which may be rounded, or be that of the longest of several streams."""

NEXT_TO_NOTHING = 0.03
"""Where a smaller share is decoded, it is chance that any of it passed for sound."""

_WILD_CLOCK = 2.0
"""Time stamps that run on for more than so many times the length in the header count something else."""

_FEWEST_PACKETS = 10
"""With fewer packets the share that failed says nothing."""


class Hearing:
    """Adds up what decoders yield.

    Args:
        claim: What the container says about its length.
        survey: What was counted in the file.
    """

    def __init__(self, claim: Claim, survey: Survey) -> None:
        self._claim = claim
        self.survey = survey
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
        misses_frames = self.survey.counts_frames and self.survey.is_missed_by(self.seconds)
        return self._failed or self.samples == 0 or stops_short or misses_frames

    @property
    def less_than_promised(self) -> bool:
        """True if sound is missing, by any of the signs that there are."""
        return (
            self._claim.cut
            or self._claim.followed
            or self._failed
            or self._misses_claim
            or self.survey.lost
            or self.survey.is_missed_by(self._reached_s if self.survey.spans_streams else self.seconds)
            or (not self.survey.counts_frames and self._misses_packets)
        )

    @property
    def next_to_nothing(self) -> bool:
        """True if nearly all packets failed, or nearly all of their time was silent."""
        promise = self._promise
        most_s = _WILD_CLOCK * promise.stated_s if promise.stated_s else promise.seconds
        promised_s = max(min(promise.seconds, most_s), self.survey.seconds or 0.0)
        if self.survey.counts_frames or promise.packets >= _FEWEST_PACKETS:
            failed = promise.failed > (1 - NEXT_TO_NOTHING) * promise.packets
            return failed or self.seconds < NEXT_TO_NOTHING * promised_s
        return False

    @property
    def _misses_claim(self) -> bool:
        claim = self._claim
        if claim.samples is None:
            return False
        heard = self.samples if self.one_rate else round(self.seconds * self._first_rate_hz)
        return claim.is_missed_by(heard)

    @property
    def _keeps_claim(self) -> bool:
        """True if all samples were heard that the container's header counts; a last packet is seldom full."""
        return self._claim.samples is not None and not self._misses_claim

    @property
    def _misses_packets(self) -> bool:
        """True by the packets that the decoder met, their time stamps or the container's word on them."""
        promise = self._promise
        stated_s = 0.0 if self._claim.unknown else promise.stated_s or 0.0
        whole_s = 0.0 if self._claim.unknown else promise.whole_s or 0.0
        by_header = _is_short_of(self.seconds, stated_s) or _is_short_of(self._reached_s, whole_s)
        keeps_header = stated_s > 0 and not by_header
        clock_runs_wild = keeps_header and self._promised_s > _WILD_CLOCK * stated_s
        by_time = (
            self.seconds + TIME_STAMP_SLACK_S < self._promised_s
            and not self._keeps_claim
            and not clock_runs_wild
        )
        breaks_off = promise.broke_off and not (self._keeps_claim or keeps_header)  # or it did so behind them
        return promise.failed > 0 or promise.skipped_bytes > 0 or breaks_off or by_time or by_header

    @property
    def _reached_s(self) -> float:
        """How far the file was read, by its sound or by the streams beside it."""
        return max(self.seconds, self._promise.reached_s)


def _is_short_of(seconds: float, stated_s: float) -> bool:
    """True if a length is too short for what a header states."""
    return seconds + STATED_SLACK_S + STATED_SLACK_SHARE * stated_s < stated_s
