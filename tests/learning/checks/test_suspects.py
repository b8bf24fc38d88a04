"""Suspect labels: those that were flipped come first, by held-out predictions of a probe."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.catalog import tonearm
from tests.labelled_songs import labelled_songs, song_row, write_songs
from tonearm.learning.checks.hearing import HeardTrack, Sound
from tonearm.learning.checks.suspects import suspect_labels
from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.track import LabelledTrack

TRACKS, GROUPS, NAMES = 600, 60, ("bass", "drums", "flute")


def heard_tracks(flipped: np.ndarray, *, groups: bool = True) -> list[HeardTrack]:
    """Tracks whose embeddings tell their labels, well but not surely, and which group they are of."""
    random = np.random.default_rng(3)
    truth = np.where(random.random((TRACKS, len(NAMES))) < 0.3, 1, -1)
    of_group = random.standard_normal((GROUPS, 20)).astype(np.float32)
    noise = random.standard_normal((TRACKS, len(NAMES))) * 0.9
    embeddings = np.concatenate([truth + noise, of_group[np.arange(TRACKS) % GROUPS]], axis=1)
    given = np.where(flipped, -truth, truth)
    return [
        HeardTrack(
            LabelledTrack(
                f"t{number}",
                f"{number}.flac",
                Labels.of(dict(zip(NAMES, given[number].tolist(), strict=True))),
                group=f"g{number % GROUPS}" if groups else "",
                number=number + 1,
            ),
            f"{number}",
            Sound(10.0, None, embeddings[number].astype(np.float32)),
        )
        for number in range(TRACKS)
    ]


def test_flipped_labels_come_first() -> None:
    flipped = np.random.default_rng(1).random((TRACKS, len(NAMES))) < 0.2
    found = list(suspect_labels(heard_tracks(flipped), 0.2))
    named = [(finding.rows[0].row - 1, NAMES.index(finding.labels[0])) for finding in found]
    assert len(named) == round(0.2 * flipped.size)
    assert sum(flipped[place] for place in named) >= 0.6 * flipped.sum()
    scores = [finding.suspicion or 0.0 for finding in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("groups", [True, False])
def test_few_clean_labels_are_named(groups: bool) -> None:
    clean = np.zeros((TRACKS, len(NAMES)), bool)
    assert len(list(suspect_labels(heard_tracks(clean, groups=groups), None))) <= 0.02 * clean.size


def test_what_cannot_be_predicted_is_not_suspect() -> None:
    """Labels that nearly all tracks have, that are of one group alone, or of which no row says no."""
    assert list(suspect_labels([], 0.5)) == []
    one_group = [
        HeardTrack(
            LabelledTrack(
                f"t{n}", "a.flac", Labels.read("rock" if n % 2 else "rock=-"), group="one", number=n
            ),
            f"{n}",
            Sound(10.0, None, np.array([n % 2, 1.0], np.float32)),
        )
        for n in range(40)
    ]
    assert list(suspect_labels(one_group, 1.0)) == []


@pytest.mark.slow
def test_the_command_embeds_and_ranks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_songs(tmp_path / "songs", 4, seconds=3.5)
    rows = [
        song_row(n, uri=f"{n % 4}.flac", artist=f"a{n % 8}", labels=f"{'low' if n % 4 < 2 else 'high'}; *=-")
        for n in range(80)
    ]
    rows[5]["labels"] = "high; *=-"
    call = (
        "dataset",
        "check",
        labelled_songs(folder, *rows),
        "--suspects",
        "--json",
        "--suspect_fraction",
        "0.02",
    )
    assert tonearm(*call) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    suspects = [each for each in findings if each["check"] == "suspect_label"]
    assert {each["rows"][0]["track_id"] for each in suspects[:2]} == {"t5"}
    assert tonearm(*call, "--without_audio") == 2
