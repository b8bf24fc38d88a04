"""The picture of a track: its log-mel spectrogram and, below, how its tags come and go by segment."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.reports.tracks import clock, segment_tags
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.settings import MAX_TRACK_BYTES
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import Spectrogram
from tonearm.transforms.features.spectrogram import spectrogram_of
from tonearm.transforms.storage.fetch import fetched
from tonearm.transforms.storage.schemes import normal_location
from tonearm.transforms.tables.schemas import Row

_TAGS_SHOWN = 10
_PIXELS = 1600
_TICKS_AT_MOST = 16


def draw_track(track: Row, segments: list[Row], tagger: Tagger, location: str) -> None:
    """Draw a track into an image file; the audio is read again, at the generation that was tagged.

    Raises:
        TrackError: The audio can no longer be read.
        WrongCallError: The file cannot be written, or its ending is that of no image.
    """
    spectrogram = _spectrogram(track, tagger)
    mpl.use("agg")
    figure = Figure(figsize=(11, 5.5), layout="constrained", dpi=_PIXELS / 11)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_spectrogram(upper, spectrogram, tagger)
    upper.set_title(f"{Path(track['uri']).name} — {_headline(track)}", loc="left", fontsize=11)
    _draw_segments(lower, segments, tagger)
    try:
        figure.savefig(location, format=Path(location).suffix.removeprefix(".") or "png")
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise WrongCallError(f"the picture cannot be written to {location}: {reason}") from error


def _spectrogram(track: Row, tagger: Tagger) -> Spectrogram:
    read = Track(track["track_id"], normal_location(track["uri"]), track["generation"])
    with fetched(read, MAX_TRACK_BYTES) as file, open_audio(file.path) as audio:
        return spectrogram_of(audio.samples(tagger.front_end.sample_rate_hz), tagger.front_end)


def _headline(track: Row) -> str:
    selected = sorted((tag for tag in track["tags"] if tag["selected"]), key=lambda tag: -tag["score"])
    return ", ".join(tag["tag"] for tag in selected)


def _draw_spectrogram(axes: Axes, spectrogram: Spectrogram, tagger: Tagger) -> None:
    step_s = np.diff(spectrogram.starts_s).max(initial=tagger.front_end.patch_seconds)
    axes.imshow(
        np.concatenate(spectrogram.patches).T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(0.0, spectrogram.starts_s[-1] + step_s, 0, tagger.front_end.mel_bands),
    )
    axes.set_ylabel("mel band")


def _draw_segments(axes: Axes, segments: list[Row], tagger: Tagger) -> None:
    scores = [dict(segment_tags(segment, tagger)) for segment in segments]
    peaks = {tag: max(each[tag] for each in scores) for tag in scores[0]}
    shown = sorted(peaks, key=lambda tag: -peaks[tag])[:_TAGS_SHOWN]
    edges = [*(segment["start_s"] for segment in segments), segments[-1]["end_s"]]
    grid: npt.NDArray[np.float64] = np.array([[each[tag] for each in scores] for tag in shown])
    brightest = max(0.5, grid.max())
    axes.pcolormesh(edges, np.arange(len(shown) + 1), grid, cmap="viridis", vmin=0, vmax=brightest)
    for (row, column), score in np.ndenumerate(grid):
        middle_s = (edges[column] + edges[column + 1]) / 2
        colour = "black" if score > 0.7 * brightest else "white"
        axes.text(middle_s, row + 0.5, f"{score:.2f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_yticks(np.arange(len(shown)) + 0.5, shown)
    axes.invert_yaxis()
    ticks = edges[:: -(-len(edges) // _TICKS_AT_MOST)]
    axes.set_xticks(ticks, [clock(tick) for tick in ticks])
    axes.set_xlabel("segment")
