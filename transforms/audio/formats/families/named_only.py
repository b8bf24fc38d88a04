"""Formats that no decoder at hand reads: a track in one of them fails, with the format's name."""

from __future__ import annotations

import re
from itertools import pairwise

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Recogniser, never, starts_with


def _named(name: str, title: str, endings: tuple[str, ...], is_begun_by: Recogniser) -> AudioFormat:
    return AudioFormat(name, title, endings, decoders=(), is_begun_by=is_begun_by)


def _is_sample_dump(head: bytes) -> bool:
    """A message of a sampler; libsndfile reads it, but prints a line for each block that is damaged."""
    return head[:2] == b"\xf0\x7e" and head[3:4] == b"\x01"


_DOLBY_E_SYNC = re.compile(rb"\xf8\x96\x4e\xa5|\x87\x6f\xe1\x54")
"""The upper 16 of the 24 or 20 bits of the two words that a burst begins with (SMPTE 337), low byte first."""

_DOLBY_E_BURSTS, _DOLBY_E_JITTER_BYTES = 3, 16


def _is_dolby_e(words: bytes) -> bool:
    """Bursts at the pace of a film's pictures, one in 40 milliseconds, all with one beginning."""
    first = words[:4]
    if not _DOLBY_E_SYNC.match(first):
        return False
    starts = [found.start() for found in re.finditer(re.escape(first), words)][: _DOLBY_E_BURSTS + 1]
    distances = {after - before for before, after in pairwise(starts)}
    return len(starts) >= _DOLBY_E_BURSTS and max(distances) - min(distances) <= _DOLBY_E_JITTER_BYTES


_DOLBY_E = AudioFormat(
    name="dolby_e",
    title="Dolby E",
    endings=(),
    decoders=(),
    is_begun_by=_is_dolby_e,
    hides_in_samples=True,
    sync=_DOLBY_E_SYNC,
)

FORMATS = (
    _DOLBY_E,
    _named("optimfrog", "OptimFROG", (".ofr", ".ofs"), starts_with(b"OFR ", b"OFS ")),
    _named("lossless_audio", "Lossless Audio (LA)", (), starts_with(b"LA02", b"LA03", b"LA04")),
    _named("lpac", "LPAC", (), starts_with(b"LPAC")),
    _named("als", "MPEG-4 ALS", (), starts_with(b"ALS\0")),
    _named("musepack_4", "Musepack before SV7", (), lambda head: head[:3] == b"MP+"),
    _named("tta2", "True Audio 2", (), starts_with(b"TTA2")),
    _named("adif", "AAC in ADIF", (), starts_with(b"ADIF")),
    _named("ac4", "Dolby AC-4", (".ac4",), starts_with(b"\xac\x40", b"\xac\x41")),
    _named("codec2", "Codec 2", (".c2",), starts_with(b"\xc0\xde\xc2")),
    _named("lc3", "LC3", (".lc3",), starts_with(b"\x1c\xcc")),
    _named("iamf", "Immersive Audio (IAMF)", (".iamf",), lambda head: head[2:6] == b"iamf"),
    _named("amr_multichannel", "multichannel AMR", (), starts_with(b"#!AMR_MC1.0\n", b"#!AMR-WB_MC1.0\n")),
    _named("evs", "EVS", (".evs",), starts_with(b"#!EVS_MC1.0\n")),
    _named("fsb5", "FMOD Sample Bank 5", (), starts_with(b"FSB5")),
    _named("wwise", "Wwise sound bank", (".wem", ".bnk"), starts_with(b"BKHD")),
    _named("sample_dump", "MIDI Sample Dump Standard", (".sds",), _is_sample_dump),
    _named("sound_sample_vision", "Turtle Beach SampleVision", (), starts_with(b"SOUND SAMPLE DATA ")),
    _named("txw", "Yamaha TX-16W", (".txw",), starts_with(b"LM8953")),
    _named("sndtool", "Sounder/SndTool", (".sndt",), starts_with(b"SOUND\x1a")),
    _named("psion_record", "Psion Record", (), starts_with(b"\x37\x00\x00\x10\x6d\x00\x00\x10")),
    _named("sid", "Commodore 64 SID", (".sid", ".psid"), starts_with(b"PSID", b"RSID")),
    _named("nsf", "NES Sound Format", (".nsf", ".nsfe"), starts_with(b"NESM\x1a", b"NSFE")),
    _named("spc", "SNES SPC700", (), starts_with(b"SNES-SPC700 Sound File Data")),
    _named("vgm", "Video Game Music", (".vgm", ".vgz"), starts_with(b"Vgm ")),
    _named("gbs", "Game Boy Sound", (".gbs",), starts_with(b"GBS\x01")),
    _named("psf", "Portable Sound Format", (".psf", ".minipsf"), starts_with(b"PSF\x01", b"PSF\x02")),
    _named("ym", "Atari ST YM", (".ym",), starts_with(b"YM2!", b"YM3!", b"YM3b", b"YM4!", b"YM5!", b"YM6!")),
    _named("headerless", "samples without a header", (".pcm", ".g722", ".g726", ".g729", ".sln", ".vox",
                                                       ".aptx", ".sbc", ".dfpwm", ".cdda"), never),
)  # fmt: skip
