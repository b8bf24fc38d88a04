"""Plays arrangements on GUS patches with timidity, as FreePats needs it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from examples.instruments.music.arrangement import CLIP_S, Arrangement
from examples.instruments.sound.midi_file import midi_bytes
from examples.instruments.sound.soundfonts import Soundfont


def play_with_timidity(arrangement: Arrangement, font: Soundfont, rate_hz: int) -> npt.NDArray[np.float32]:
    """Play eight seconds.

    Args:
        arrangement: What is played.
        font: Whose configuration timidity reads.
        rate_hz: Sample rate of what is played.

    Returns:
        Stereo samples between -1 and 1, shape ``[samples, 2]``.

    Raises:
        subprocess.CalledProcessError: If timidity fails.
    """
    with tempfile.TemporaryDirectory(prefix="tonearm-example-") as folder:
        score = Path(folder) / "clip.mid"
        score.write_bytes(midi_bytes(arrangement))
        command = ["timidity", "-c", str(font.path), "-Or1sl", "-s", str(rate_hz), "-o", "-", str(score)]
        sound = subprocess.run(command, check=True, capture_output=True).stdout
    samples = np.frombuffer(sound, dtype="<i2").reshape(-1, 2).astype(np.float32) / 32768
    length = round(CLIP_S * rate_hz)
    return np.pad(samples[:length], ((0, max(0, length - len(samples))), (0, 0)))


def patches_of(configuration: Path) -> frozenset[int]:
    """Programs of bank 0 that a timidity configuration has patches for."""
    programs, bank = set(), ""
    for line in configuration.read_text().splitlines():
        words = line.split("#")[0].split()
        if words[:1] in (["bank"], ["drumset"]):
            bank = " ".join(words)
        elif bank == "bank 0" and len(words) > 1 and words[0].isdigit():
            programs.add(int(words[0]))
    return frozenset(programs)
