"""Whether rebuilt audio is recognised: Chromaprint, the fingerprint behind AcoustID, by FFmpeg's muxer of it.

The wheels of this project hold no Chromaprint; Debian's package ``ffmpeg`` does.
"""

from __future__ import annotations

import subprocess

import numpy as np
import numpy.typing as npt

Fingerprint = npt.NDArray[np.uint32]
"""Words of 32 bits, one for every :data:`WORD_S` seconds."""

WORD_S = 1365 / 11025
"""Chromaprint's hop: 4,096 samples at 11,025 Hz, of which two thirds overlap."""

HEARD_S = 4096 / 11025 + (16 + 4 - 1) * WORD_S
"""What a word hangs on: chroma smoothed over 5 frames, compared over 16."""

LOUDEST = 0.9


def fingerprint(samples: npt.NDArray[np.float32], rate_hz: int) -> Fingerprint:
    """Fingerprint mono samples, brought to the same peak, as a player would.

    Raises:
        RuntimeError: There is no FFmpeg that makes fingerprints.
    """
    scaled = samples * (LOUDEST / max(float(np.abs(samples).max()), 1e-9))
    command = ["ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0"]
    command += ["-f", "chromaprint", "-fp_format", "raw", "pipe:1"]
    try:
        done = subprocess.run(command, input=scaled.astype("<f4").tobytes(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError("needs an ffmpeg with Chromaprint: apt-get install ffmpeg") from error
    return np.frombuffer(done.stdout, np.uint32)


def bits_alike(one: Fingerprint, other: Fingerprint) -> npt.NDArray[np.float64]:
    """Share of alike bits of each word, [words] of the shorter one."""
    words = min(len(one), len(other))
    differing = np.unpackbits((one[:words] ^ other[:words]).view(np.uint8)).reshape(words, 32)
    return 1.0 - differing.mean(axis=1)
