"""Which decoders a file is shown to, and in which order: by format, survey and call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tonearm.transforms.audio.decoders.chain import ChainDecoder
from tonearm.transforms.audio.decoders.decoder import AudioDecoder, DecoderError
from tonearm.transforms.audio.decoders.ffmpeg import FfmpegDecoder
from tonearm.transforms.audio.decoders.libsndfile import LibsndfileDecoder
from tonearm.transforms.audio.decoders.tensorflow_io import TensorflowIoDecoder
from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.claim import Claim, Correction
from tonearm.transforms.audio.identification import Identified
from tonearm.transforms.audio.surveys.link import Link
from tonearm.transforms.audio.surveys.survey import Survey
from tonearm.transforms.elements.decoder_choice import DecoderChoice

OpenDecoder = Callable[[], AudioDecoder]
DecoderType = Callable[[int, AudioFormat, int, int | None, Sequence[Correction]], AudioDecoder]

DECODERS: Mapping[Decoder, DecoderType] = {
    Decoder.LIBSNDFILE: LibsndfileDecoder,
    Decoder.FFMPEG: FfmpegDecoder,
    Decoder.TENSORFLOW_IO: TensorflowIoDecoder,
}
"""The decoders by the names that the registry of formats knows them by."""


def decoders_for(
    descriptor: int, identified: Identified, claim: Claim, survey: Survey, choice: DecoderChoice
) -> list[OpenDecoder]:
    """The decoders of a file, in the order in which they are tried.

    Args:
        descriptor: Open file descriptor.
        identified: What the file is.
        claim: What the container says about its length.
        survey: What was counted in it.
        choice: Which libraries decode.

    Raises:
        DecoderError: None of the chosen ones reads such a file.
    """
    audio_format, start = identified.audio_format, identified.start
    if len(survey.links) > 1:
        chained = chain_decoders(descriptor, audio_format, survey.links, choice)
        if not chained:
            raise DecoderError("TensorFlow I/O reads no chained file")
        return chained
    decoders = [DECODERS[name] for name in chosen_decoders(audio_format, choice)]
    if not survey.plain:
        decoders.reverse()
    end = identified.end if claim.end is None else claim.end
    shown = (descriptor, audio_format, start, end, claim.corrections)
    return [partial(decoder, *shown) for decoder in decoders]


def chain_decoders(
    descriptor: int, audio_format: AudioFormat, links: Sequence[Link], choice: DecoderChoice
) -> list[OpenDecoder]:
    """The decoders of a file of several links; none if the choice leaves none."""
    if choice is DecoderChoice.TENSORFLOW_IO_ONLY:
        return []
    return [partial(ChainDecoder, descriptor, audio_format, links)]


def chosen_decoders(audio_format: AudioFormat, choice: DecoderChoice) -> Sequence[Decoder]:
    """A format's decoders that a choice leaves, the one first that it asks for."""
    asked_for = [name for name in audio_format.decoders if name == Decoder.TENSORFLOW_IO]
    usual = [name for name in audio_format.decoders if name != Decoder.TENSORFLOW_IO]
    by_choice: Mapping[DecoderChoice, Sequence[Decoder]] = {
        DecoderChoice.FFMPEG_AND_LIBSNDFILE: usual,
        DecoderChoice.TENSORFLOW_IO: [*asked_for, *usual],
        DecoderChoice.TENSORFLOW_IO_ONLY: asked_for,
    }
    return by_choice[choice]
