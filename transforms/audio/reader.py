"""Decoding: from a file of any audio format to mono blocks at the file's own rate."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from tonearm.transforms.audio.claimed_length import read_claim
from tonearm.transforms.audio.decoder_order import (
    OpenDecoder,
    chain_decoders,
    chosen_decoders,
    decoders_for,
)
from tonearm.transforms.audio.decoders.carried import CarriedDecoder, carried_stream
from tonearm.transforms.audio.decoders.decoder import AudioDecoder, AudioInfo, DecoderError
from tonearm.transforms.audio.decoders.downmix import Block, Samples
from tonearm.transforms.audio.encryption import encryption_of
from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import LONGEST_PLAUSIBLE_S, Claim, ReadAt
from tonearm.transforms.audio.hearing import Hearing
from tonearm.transforms.audio.identification import Identified, identify_file
from tonearm.transforms.audio.regular_file import open_regular_file
from tonearm.transforms.audio.resampling import resampled
from tonearm.transforms.audio.surveys.survey import Survey, survey_of, survey_of_damaged
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

__all__ = ["AudioInfo", "AudioReader", "open_audio", "open_audio_descriptor"]


class AudioReader:
    """An open audio file, to be iterated once: ``with open_audio(path) as reader: ... reader.blocks()``.

    Attributes:
        info: What the file says about itself.
    """

    def __init__(
        self,
        descriptor: int,
        identified: Identified,
        claim: Claim,
        survey: Survey,
        choice: DecoderChoice,
    ) -> None:
        self._descriptor = descriptor
        self._identified = identified
        self._survey = survey
        self._choice = choice
        self._heard = Hearing(claim, survey)
        self._untried = decoders_for(descriptor, identified, claim, survey, choice)
        self._decoder = self._open_next_decoder()
        self.info = _with_claimed_duration(self._decoder.info, identified.audio_format, claim)
        self._heard.begin(self.info.sample_rate_hz)

    def turn_to_carried(self, carried: AudioFormat, claim: Claim) -> None:
        """Before the first block: take the file's samples for the stream of another format that they are.

        Args:
            carried: That format.
            claim: What the file says about its length.

        Raises:
            DecoderError: The stream cannot be read.
        """
        carrier = self._identified
        self._decoder.close()
        self._untried = []
        self._decoder = CarriedDecoder(self._descriptor, carrier, carried, claim)
        self.info = _with_claimed_duration(
            self._decoder.info, carrier.audio_format, replace(claim, samples=None)
        )
        self._identified = replace(carrier, audio_format=carried, carrier=carrier)
        self._survey = Survey(lost=self._survey.lost)
        self._heard = Hearing(Claim(cut=claim.cut, followed=claim.followed), self._survey)
        self._heard.begin(self.info.sample_rate_hz)

    @property
    def decoded_s(self) -> float:
        """Length of what was yielded so far, in seconds."""
        return self._heard.seconds

    @property
    def truncated(self) -> bool:
        """After the last block: True if less was heard than the file promises, or some of it was damaged."""
        return self._heard.less_than_promised

    @property
    def downmix_loss_db(self) -> float | None:
        """After the last block: see :attr:`DownmixLevel.loss_db`."""
        return self._heard.level.loss_db

    @property
    def level_db(self) -> float | None:
        """After the last block: see :attr:`DownmixLevel.level_db`."""
        return self._heard.level.level_db

    def samples(self, rate_hz: int) -> Iterator[Samples]:
        """As :meth:`blocks`, at one rate: float32 mono ``[samples]``."""
        return resampled(self.blocks(), rate_hz)

    def blocks(self) -> Iterator[Block]:
        """Yield the signal in blocks of bounded size, each at its own rate.

        A decoder that gives up in the middle, or stops short of what the file holds or says, although the
        bytes are there, is followed by the next one, which starts over and leaves out as many samples as
        were yielded. Where bytes in between are lost to both, what follows moves up.

        Yields:
            Float32 mono ``[samples]``, the mean of the channels; nearly always at ``info.sample_rate_hz``,
            but chained streams may change it.

        Raises:
            TrackError: ``undecodable`` if there is not one sample, or next to nothing of what was promised;
                ``non_finite`` if samples are infinite, absurdly large or no numbers.
        """
        failure: DecoderError | None = None
        while True:
            samples_before = self._heard.samples
            try:
                yield from self._new_blocks()
            except DecoderError as error:
                failure = error
                self._count_again()
            else:
                failure = None if self._heard.samples > samples_before else failure
            self._heard.finish(self._decoder.promise, failed=failure is not None)
            if not self._heard.breaks_off or not self._switch_decoder():
                break
        if self._heard.samples == 0:
            raise _undecodable(failure or DecoderError("the audio stream is empty"))
        if self._heard.next_to_nothing:
            raise _undecodable(DecoderError("next to nothing of what the file should hold can be decoded"))

    def _new_blocks(self) -> Iterator[Block]:
        """Blocks of the current decoder without what an earlier one has yielded already."""
        to_skip = self._heard.samples
        for block in self._decoder.blocks():
            new = block.without_first(to_skip) if to_skip else block
            to_skip -= len(block.samples) - len(new.samples)
            if len(new.samples):
                _require_finite(new)
                self._heard.add(new)
                yield new

    def _count_again(self) -> None:
        """After a decoder failed: count again, with more care, what the file holds."""
        size = os.fstat(self._descriptor).st_size
        survey = survey_of_damaged(_reader_of(self._descriptor), size, self._identified)
        if survey is not None:
            self._heard.survey = survey
            if survey.links and not self._survey.links:
                audio_format = self._identified.audio_format
                self._untried = chain_decoders(self._descriptor, audio_format, survey.links, self._choice)

    def _switch_decoder(self) -> bool:
        """Put the next decoder in the place of the current one; False if there is none for this file."""
        if not self._heard.one_rate:
            return False
        self._decoder.close()
        try:
            self._decoder = self._open_next_decoder()
        except DecoderError:
            return False
        return self._decoder.info.sample_rate_hz == self.info.sample_rate_hz

    def _open_next_decoder(self) -> AudioDecoder:
        """Open the file with the first decoder that can; raises what the first one of them raised.

        A decoder that would stop before the file's end is tried last.
        """
        failures: list[DecoderError] = []
        stopping_short: list[OpenDecoder] = []
        while self._untried:
            open_decoder = self._untried.pop(0)
            try:
                decoder = open_decoder()
            except DecoderError as error:
                failures.append(error)
                continue
            reads = decoder.reads_samples
            if reads is None or not self._survey.exceeds(reads) or not self._untried:
                self._untried += stopping_short
                return decoder
            decoder.close()
            stopping_short.append(open_decoder)
        if stopping_short:
            return stopping_short[0]()
        raise failures[0] if failures else DecoderError("no further decoder")

    def close(self) -> None:
        """Close the file; blocks can no longer be read."""
        if self._descriptor >= 0:
            self._decoder.close()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reader_of(descriptor: int) -> ReadAt:
    size = os.fstat(descriptor).st_size
    return lambda offset, length: os.pread(descriptor, max(length, 0), min(max(offset, 0), size))


def open_audio(path: str | Path, choice: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE) -> AudioReader:
    """Open an audio file of any format; its name says nothing and may be ``/proc/self/fd/N``.

    Args:
        path: A local file.
        choice: Which libraries decode.

    Returns:
        A reader, to be closed or used as a context manager, by one thread.

    Raises:
        TrackError: Stage decode; ``empty``, ``not_audio`` (also a film without sound), ``undecodable``,
            ``format_excluded`` if the choice leaves no decoder for the format, or ``not_found``,
            ``forbidden``, ``unreadable`` where there is no file to be read.
    """
    return open_audio_descriptor(open_regular_file(path), choice)


def open_audio_descriptor(
    descriptor: int, choice: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE
) -> AudioReader:
    """As :func:`open_audio`, from an open file, which is the reader's from now on, also if it fails."""
    try:
        return _open_descriptor(descriptor, choice)
    except BaseException:
        os.close(descriptor)
        raise


def _open_descriptor(descriptor: int, choice: DecoderChoice) -> AudioReader:
    size = os.fstat(descriptor).st_size
    if size == 0:
        raise TrackError(Stage.DECODE, ErrorWord.EMPTY, "the file has no bytes")
    read_at = _reader_of(descriptor)
    identified = identify_file(read_at, size)
    if identified is None:
        raise TrackError(Stage.DECODE, ErrorWord.NOT_AUDIO, "the bytes are of no known audio format")
    _require_decoder(identified.audio_format, choice)
    claim = read_claim(read_at, size, identified)
    scheme = encryption_of(read_at, identified.begins, size, identified.audio_format.demuxer)
    if scheme is not None:
        raise _undecodable(DecoderError(f"the sound is encrypted ({scheme})"))
    survey = survey_of(read_at, size, identified)
    if survey.hopeless:
        raise _undecodable(DecoderError("next to nothing of the file is sound"))
    try:
        reader = AudioReader(descriptor, identified, claim, survey, choice)
        carried = carried_stream(descriptor, identified, claim, reader.info.codec)
        if carried is not None:
            _require_decoder(carried, choice)
            reader.turn_to_carried(carried, claim)
        return reader
    except DecoderError as error:
        if error.no_audio and not claim.cut:  # a cut file may have lost the entry of its audio stream
            raise TrackError(Stage.DECODE, ErrorWord.NOT_AUDIO, str(error)) from error
        raise _undecodable(error) from error


def _require_decoder(audio_format: AudioFormat, choice: DecoderChoice) -> None:
    """Refuse a format that nothing here decodes, or that a choice of libraries leaves out."""
    if not audio_format.decoders:
        message = f"there is no decoder for {audio_format.title}"
        raise TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, message)
    if not chosen_decoders(audio_format, choice):
        message = f"--decoder {choice} leaves no decoder for {audio_format.title}"
        raise TrackError(Stage.DECODE, ErrorWord.FORMAT_EXCLUDED, message)


def _undecodable(error: DecoderError) -> TrackError:
    return TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, str(error), retriable=error.retriable)


def _with_claimed_duration(info: AudioInfo, audio_format: AudioFormat, claim: Claim) -> AudioInfo:
    """The facts with the length that the container states, or none where the decoder only guesses it."""
    if claim.samples is not None:
        return replace(info, duration_s=claim.samples / info.sample_rate_hz)
    is_guess = not audio_format.states_length or claim.unknown
    is_plausible = info.duration_s is not None and 0 < info.duration_s < LONGEST_PLAUSIBLE_S
    return replace(info, duration_s=None) if is_guess or not is_plausible else info


def _require_finite(block: Block) -> None:
    """Refuse infinities, NaN and numbers whose squares overflow: the sums of squares show them all."""
    if not math.isfinite(block.energy) or not math.isfinite(block.channel_energy):
        raise TrackError(
            Stage.DECODE, ErrorWord.NON_FINITE, "samples are infinite, absurdly large or no numbers"
        )
