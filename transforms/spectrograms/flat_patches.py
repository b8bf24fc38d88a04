"""Patches where a form of file has no arrays of three dimensions: their numbers one after the other."""

from __future__ import annotations

from dataclasses import replace

from tonearm.transforms.spectrograms.record import SpectrogramRecord


def in_shape(record: SpectrogramRecord) -> SpectrogramRecord:
    """The record with its numbers as ``[patches, patch_frames, mel_bands]``, if they are whole patches."""
    shape = (record.front_end.patch_frames, record.front_end.mel_bands)
    if record.patches.size % (shape[0] * shape[1]):
        return record
    return replace(record, patches=record.patches.reshape(-1, *shape))
