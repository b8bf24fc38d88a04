"""Which files a listing may pass over in silence: those that are surely no music, and no others."""

from __future__ import annotations

from pathlib import PurePosixPath

from tonearm.transforms.audio.endings import has_audio_ending
from tonearm.transforms.audio.identification import identify
from tonearm.transforms.audio.other_files import is_text, other_kind
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

_RESOURCE_FORK_PREFIX = "._"
"""What a Macintosh writes beside each file on a foreign disk; it has the file's own ending."""

_OTHER_FILES = """
    .jpg .jpeg .png .gif .bmp .tga .pcx .ico .cur .psd .svg .webp
    .txt .nfo .diz .log .md5 .sha1 .sfv .ffp .accurip .lrc .xml .json .html .htm .css .js .csv .tsv
    .parquet .npz .npy .tfrecord .pdf .doc .docx .rtf .epub .plist .srt .sub .idx .vtt
    .zip .rar .7z .gz .bz2 .xz .tar .iso .dmg .torrent .par2
    .m3u .m3u8 .pls .cue .xspf .asx .wax .wpl .ram
    .mid .midi .kar .mod .xm .it .s3m .mtm .med .sf2 .sf3 .dls
    .exe .dll .so .dylib .o .a .class .py .pyc .pyo .swp .swo .sh .bat .db .ini
    .lnk .url .tmp .ds_store .itl .itdb
    .icc .icm .ttf .otf .woff .woff2 .lz4 .zst .lzma .db-wal .db-shm .db-journal
    .asd .sfk .pkf .pek .reapeaks .gpk .ovw .als .adg .adv .amxd .flp .cpr .ptf .ptx .rpp .rns .logic
    .nki .nkc .nkx .fxp .fxb .vstpreset
"""
_OTHER_ENDINGS = frozenset(_OTHER_FILES.split())
"""Endings of files that are no music; they count only where the content is not recognised."""


class NoMusicError(TrackError):
    """A listing came upon a file that is surely no music: it is counted, and no failure."""

    def __init__(self, kind: str) -> None:
        super().__init__(Stage.FETCH, ErrorWord.NOT_AUDIO, f"no music but {kind}")


def require_perhaps_music(uri: str, head: bytes, size: int) -> None:
    """Look at a file that a listing came upon; what may be music has to become a track or a failure.

    Args:
        uri: Where the file is; its name counts only where its content is not known.
        head: Its first bytes, some 64 KiB at least, or all of them.
        size: Its size in bytes.

    Raises:
        NoMusicError: The file is surely no music: a picture, a text, an archive, a program, a score.
    """
    name = PurePosixPath(uri).name.lower()
    if identify(head, size) is not None:
        return
    if name.startswith(_RESOURCE_FORK_PREFIX):
        raise NoMusicError("a resource fork")
    kind = other_kind(head) or ("a text" if is_text(head) else _kind_of_ending(name))
    if kind is not None and not has_audio_ending(name):
        raise NoMusicError(kind)


def _kind_of_ending(name: str) -> str | None:
    ending = PurePosixPath(name).suffix or name  # ".DS_Store" is all ending
    return f"a {ending} file" if ending in _OTHER_ENDINGS else None
