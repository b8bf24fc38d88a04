"""Audio rebuilt from log-mel patches without any learning: what anybody can do who gets them.

Mel bands are undone by non-negative least squares, by the multiplicative updates of Lee and Seung
(*Algorithms for non-negative matrix factorization*, 2001) with the filters held fixed. Phases are found by
Griffin and Lim's method (*Signal estimation from modified short-time Fourier transform*, 1984) with the
momentum of Perraudin, Balazs and Søndergaard (*A fast Griffin-Lim algorithm*, 2013), as torchaudio has it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torchaudio
from torch import Tensor

from tonearm.models.front_end import FrontEnd

Samples = npt.NDArray[np.float32]
Frames = npt.NDArray[np.floating]

UPDATES = 100
"""Of the power spectrum; more change little."""

PHASE_ROUNDS = 64
MOMENTUM = 0.99
SMALLEST_POWER = 1e-12


def audio_from(frames: Frames, front_end: FrontEnd) -> Samples:
    """Rebuild audio.

    Args:
        frames: ``log10(log_gain * mel_power + 1)``, [frames, mel_bands]: patches side by side, or one.
        front_end: What made them.

    Returns:
        float32 [samples], mono at the front end's rate, a hop for each step from frame to frame.
    """
    with torch.inference_mode():
        mel = (10 ** torch.from_numpy(frames.astype(np.float32)).T - 1) / front_end.log_gain
        find_phases = torchaudio.transforms.GriffinLim(
            n_fft=front_end.fft_length,
            hop_length=front_end.hop_length,
            n_iter=PHASE_ROUNDS,
            power=2.0,
            momentum=MOMENTUM,
        )
        rebuilt: Samples = find_phases(_power_from(mel, front_end)).numpy()
        return rebuilt


def _power_from(mel: Tensor, front_end: FrontEnd) -> Tensor:
    """The non-negative power spectrum [frequencies, frames] whose mel bands come closest to ``mel``."""
    filters = torchaudio.functional.melscale_fbanks(
        n_freqs=front_end.fft_length // 2 + 1,
        f_min=front_end.min_frequency_hz,
        f_max=front_end.max_frequency_hz,
        n_mels=front_end.mel_bands,
        sample_rate=front_end.sample_rate_hz,
        norm="slaney",
        mel_scale="slaney",
    )
    wanted = filters @ mel
    power = torch.linalg.pinv(filters.T) @ mel
    power.clamp_(min=SMALLEST_POWER)
    for _ in range(UPDATES):
        power *= wanted / (filters @ (filters.T @ power) + SMALLEST_POWER)
        power.clamp_(min=SMALLEST_POWER)
    return power
