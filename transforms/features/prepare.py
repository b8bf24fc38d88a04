"""Fetch, decode and transform: from a track to the patches that the network will see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial

import apache_beam as beam
import torch
from apache_beam.metrics import Metrics

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.audio.isolation.isolated_reader import (
    IsolatedReader,
    open_audio_isolated,
    require_decoder,
)
from tonearm.transforms.audio.passing_over import NoMusicError, require_perhaps_music
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure, Stage, TrackError, failing_at
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import NAMESPACE, StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import AudioFacts, PreparedTrack
from tonearm.transforms.features.spectrogram import spectrogram_of
from tonearm.transforms.storage.fetch import fetched

FAILED = "failed"
"""Tag of the output whose elements need no network: failures."""


Prepare = Callable[[Track, AnalysisSettings, FrontEnd, StageTimes], PreparedTrack]
"""A way from a track to its patches; raises ``TrackError``."""


class PrepareTracks(beam.DoFn):
    """Track to :class:`PreparedTrack`; failures leave by the tag ``failed``; other files are counted.

    Args:
        settings: How tracks are analysed.
        front_end: The tagger's front end.
        ways: How a track of each kind is prepared; functions of modules, as they are pickled.
    """

    def __init__(
        self, settings: AnalysisSettings, front_end: FrontEnd, ways: Mapping[InputKind, Prepare]
    ) -> None:
        self._settings = settings
        self._front_end = front_end
        self._ways = dict(ways)
        self._has_decoder = False

    def setup(self) -> None:
        """Leave the other cores to other workers: torch would take them all."""
        torch.set_num_threads(1)

    def process(self, element: Arrival) -> Iterator[PreparedTrack | beam.pvalue.TaggedOutput]:
        """Work one track; an error becomes its failure.

        Raises:
            MachineError: No decoder process can be started here.
        """
        if isinstance(element, Failure):
            yield beam.pvalue.TaggedOutput(FAILED, element)
            return
        if element.input_kind is InputKind.AUDIO and not self._has_decoder:
            require_decoder(self._settings.decoder)  # waits for the first one; spectrograms need none
            self._has_decoder = True
        times = StageTimes()
        try:
            yield self._ways[element.input_kind](element, self._settings, self._front_end, times)
        except NoMusicError:
            Metrics.counter(NAMESPACE, "passed_over").inc()
        except TrackError as error:
            yield beam.pvalue.TaggedOutput(FAILED, Failure.of(element, error))
        finally:
            times.report()


def prepare_track(
    track: Track, settings: AnalysisSettings, front_end: FrontEnd, times: StageTimes
) -> PreparedTrack:
    """Fetch a track and turn it into patches.

    Raises:
        TrackError: With the stage and the word of what went wrong.
        NoMusicError: A listing came upon the file, and it is surely no music.
    """
    with failing_at(Stage.FETCH), ExitStack() as held:
        with times.measure("fetch"):
            look_at = None if track.named else partial(require_perhaps_music, track.uri)
            file = held.enter_context(fetched(track, settings.max_track_bytes, look_at))
        with failing_at(Stage.DECODE):
            audio = held.enter_context(
                open_audio_isolated(file.path, front_end.sample_rate_hz, times, settings.decoder)
            )
        with failing_at(Stage.SPECTROGRAM):
            spectrogram = spectrogram_of(
                _decoded(audio), front_end, max_patches=settings.max_patches, times=times
            )
        facts = AudioFacts(
            content_sha256=file.content_sha256,
            codec=audio.info.codec,
            sample_rate_hz=audio.info.sample_rate_hz,
            channels=audio.info.channels,
            duration_s=audio.info.duration_s,
            decoded_s=audio.decoded_s,
            truncated=audio.truncated,
            downmix_loss_db=audio.downmix_loss_db,
            level_db=audio.level_db,
        )
    return PreparedTrack(track, facts, spectrogram)


def _decoded(audio: IsolatedReader) -> Iterator[Samples]:
    """The samples of a file; the spectrogram draws on them, and what ends them is still the decoder's."""
    with failing_at(Stage.DECODE):
        yield from audio.samples()
