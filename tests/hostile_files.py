"""Files that bite, under the names that they would have in a catalog, and how each of them has to end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile as sf

from tests.audio_files import sweep, wav_header, write_audio
from tests.catalog import write_song

TAGGED, TRUNCATED, SILENT, PASSED_OVER = "tagged", "tagged, truncated", "tagged, nothing selected", "skipped"

CUT = {
    "aac_adts": TRUNCATED,
    "aac_m4a": "undecodable",  # the index at the end is lost
    "aac_m4a_moov_first": TRUNCATED,
    "alac_m4a": "undecodable",
    "aiff_16": TRUNCATED,
    "flac": TRUNCATED,
    "mp3": TRUNCATED,
    "opus": TRUNCATED,
    "vorbis": TRUNCATED,
    "wav_16": TRUNCATED,
    "wma": TRUNCATED,
}
"""What becomes of a file of each kind that lost its last 40 %."""

IN_A_FOLDER: Mapping[str, str] = {
    "empty.mp3": "empty",
    "one_byte.mp3": "not_audio",
    "random.mp3": "not_audio",
    "text.mp3": "not_audio",
    "page.mp3": "not_audio",
    "playlist.mp3": "not_audio",
    "notes.txt": PASSED_OVER,
    "cover.jpg": PASSED_OVER,
    "claims_4_gib.wav": TRUNCATED,
    "one_millisecond.wav": "too_short",
    "silence.wav": SILENT,
    "nan.wav": "non_finite",
    "infinity.wav": "non_finite",
    "dangling.mp3": "not_found",
    "a name with\nnewline, spaces & ünïcödé 🎵.flac": TAGGED,
    "flac_called.mp3": TAGGED,
    "mp3_without_ending": TAGGED,
    **{f"cut.{kind}": outcome for kind, outcome in CUT.items()},
}
"""How each file ends when a listing comes upon it."""

IN_A_MANIFEST: Mapping[str, str] = {
    **IN_A_FOLDER,
    "notes.txt": "not_audio",
    "cover.jpg": "not_audio",
    "folder.mp3": "unreadable",
    "missing.mp3": "not_found",
}
"""How each ends when a manifest names it."""


def write_hostile_files(folder: Path, secret: Path, url: str) -> None:
    """Fill a folder with the files above; the playlist points at ``secret`` and at ``url``."""
    random = np.random.default_rng(11)
    song = sweep(3.5)
    contents = {
        "empty.mp3": b"",
        "one_byte.mp3": b"\xff",
        "random.mp3": random.bytes(50_000),
        "text.mp3": b"All my music is on the other disk.\n" * 500,
        "page.mp3": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "playlist.mp3": f"#EXTM3U\n#EXTINF:3,\nfile://{secret}\n#EXTINF:3,\n{url}\n#EXT-X-ENDLIST\n".encode(),
        "notes.txt": b"remember the milk",
        "cover.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 a picture",
        "claims_4_gib.wav": wav_header(data_bytes=0xFFFF0000) + (song * 32767).astype("<i2").tobytes(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    _write_odd_signals(folder, song)
    (folder / "dangling.mp3").symlink_to("nowhere.mp3")
    (folder / "folder.mp3").mkdir()
    write_song(folder / "a name with\nnewline, spaces & ünïcödé 🎵.flac")
    write_song(folder / "flac_called.mp3", "flac")
    write_song(folder / "mp3_without_ending", "mp3")
    for kind in CUT:
        whole = write_song(folder / f"cut.{kind}", kind, seconds=20.0).read_bytes()
        (folder / f"cut.{kind}").write_bytes(whole[: len(whole) * 6 // 10])


def _write_odd_signals(folder: Path, song: np.ndarray) -> None:
    write_audio(folder / "one_millisecond.wav", "wav_16", song[:44])
    write_audio(folder / "silence.wav", "wav_16", np.zeros_like(song))
    for name, value in (("nan.wav", np.nan), ("infinity.wav", np.inf)):
        broken = song.copy()
        broken[70_000] = value
        sf.write(folder / name, broken, 44100, subtype="FLOAT")
