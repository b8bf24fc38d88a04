"""Decoding with libsndfile: first choice for MP3, FLAC, WAV, AIFF and CAF, and what librosa loads with."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import soundfile as sf

from tonearm.transforms.audio.decoders.decoder import (
    AudioInfo,
    DecoderError,
    block_samples,
    library_errors,
    require_plausible,
)
from tonearm.transforms.audio.decoders.downmix import Block, mix
from tonearm.transforms.audio.decoders.packets import Promise
from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import Correction
from tonearm.transforms.audio.part_of_file import PartOfFile

_CODECS: Mapping[str, str] = {
    "PCM_S8": "pcm_s8",
    "PCM_U8": "pcm_u8",
    "PCM_16": "pcm_s16",
    "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32",
    "FLOAT": "pcm_f32",
    "DOUBLE": "pcm_f64",
    "ULAW": "pcm_mulaw",
    "ALAW": "pcm_alaw",
    "IMA_ADPCM": "adpcm_ima_wav",
    "MS_ADPCM": "adpcm_ms",
    "GSM610": "gsm_ms",
    "MPEG_LAYER_II": "mp2",
    "MPEG_LAYER_III": "mp3",
    "ALAC_16": "alac",
    "ALAC_20": "alac",
    "ALAC_24": "alac",
    "ALAC_32": "alac",
}
_UNKNOWN_FRAMES = (1 << 63) - 1


class LibsndfileDecoder:
    """An open file, read through libsndfile.

    Args:
        descriptor: Open file descriptor; stays the caller's, its position moves.
        audio_format: What the file is; libsndfile must agree.
        start: Offset of what is decoded; what comes before is not shown to libsndfile.
        end: Offset of what comes after, which is not shown either; None for the file's end.
        corrections: What libsndfile sees in the place of what is in the file.

    Raises:
        DecoderError: libsndfile cannot read the file.
    """

    def __init__(
        self,
        descriptor: int,
        audio_format: AudioFormat,
        start: int = 0,
        end: int | None = None,
        corrections: Sequence[Correction] = (),
    ) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with library_errors("libsndfile"), _quiet_c_stderr():
            whole = start == 0 and end is None and not corrections
            self._file = sf.SoundFile(
                descriptor if whole else PartOfFile(descriptor, start, end, corrections), closefd=False
            )
            try:
                self.info = self._read_info(audio_format)
            except BaseException:
                self._file.close()
                raise

    def _read_info(self, audio_format: AudioFormat) -> AudioInfo:
        file = self._file
        if file.format not in audio_format.soundfile:
            raise DecoderError(f"libsndfile takes the file for {file.format}")
        require_plausible(file.samplerate, file.channels)
        codec = "flac" if "FLAC" in (file.format, file.subtype) else _CODECS.get(file.subtype)
        return AudioInfo(
            codec=codec or file.subtype.lower(),
            sample_rate_hz=file.samplerate,
            channels=file.channels,
            duration_s=None if file.frames == _UNKNOWN_FRAMES else file.frames / file.samplerate,
        )

    @property
    def reads_samples(self) -> int | None:
        """Libsndfile stops at the length that it reports, which the file states or libsndfile guesses."""
        return None if self._file.frames == _UNKNOWN_FRAMES else self._file.frames

    @property
    def promise(self) -> Promise:
        """An empty promise, as libsndfile does not show its packets."""
        return Promise()

    def blocks(self) -> Iterator[Block]:
        """Yield the signal in blocks; raises DecoderError where libsndfile cannot go on."""
        channels, rate_hz = self.info.channels, self.info.sample_rate_hz
        buffer = np.empty((block_samples(channels), channels), np.float32)
        while True:
            with library_errors("libsndfile"), _quiet_c_stderr():
                samples = self._file.read(out=buffer)
            if len(samples) == 0:
                return
            yield mix(samples.T, rate_hz)

    def close(self) -> None:
        """Release what libsndfile holds."""
        with library_errors("libsndfile"):
            self._file.close()


class _CStderr:
    """Points the C library's ``stderr`` at ``/dev/null`` while anybody wants it quiet.

    libmpg123, inside libsndfile, prints a line for each doubtful frame of an MP3, on ordinary files, and
    libsndfile offers no switch. Only what C code prints through stdio is lost meanwhile: descriptor 2, and
    with it Python's logging, is left alone. Elsewhere than on glibc, where ``stderr`` may not be assigned,
    nothing is done.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loud: int | None = None
        self._stderr: ctypes.c_void_p | None = None
        self._null: int | None = None
        if platform.libc_ver()[0] == "glibc":
            program = ctypes.CDLL(None)
            program.fopen.restype = ctypes.c_void_p
            self._null = program.fopen(b"/dev/null", b"w")
            self._stderr = ctypes.c_void_p.in_dll(program, "stderr")

    def mute(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1 and self._stderr is not None and self._null is not None:
                self._loud, self._stderr.value = self._stderr.value, self._null

    def unmute(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._stderr is not None and self._loud is not None:
                self._stderr.value = self._loud


_c_stderr = _CStderr()


@contextmanager
def _quiet_c_stderr() -> Iterator[None]:
    _c_stderr.mute()
    try:
        yield
    finally:
        _c_stderr.unmute()
