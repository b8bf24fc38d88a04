"""What lies beside music and is none: pictures, documents, archives, programs, each by its first bytes."""

from __future__ import annotations

import re
import struct
import zlib

_SIGNATURES: tuple[tuple[str, bytes], ...] = (
    ("a JPEG picture", rb"\xff\xd8\xff"),
    ("a PNG picture", rb"\x89PNG\r\n\x1a\n|\x8aMNG\r\n|\x8bJNG\r\n"),
    ("a GIF picture", rb"GIF8[79]a"),
    ("a TIFF picture or camera raw", rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+|IIU\x00|IIR[OS]|FUJIFILMCCD"),
    ("a WebP picture", rb"RIFF....WEBP"),
    ("a bitmap", rb"BM....\x00\x00\x00\x00....[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00"),
    ("a Photoshop picture", rb"8BPS\x00[\x01\x02]"),
    ("a JPEG 2000 picture", rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"),
    ("a JPEG XL picture", rb"\xff\x0a|\x00\x00\x00\x0cJXL "),
    ("a HEIF or AVIF picture", rb"....ftyp(?:avif|avis|heic|heix|heim|heis|hevc|mif1|msf1|jpeg|crx )"),
    ("an animated cursor", rb"RIFF....ACON"),
    ("a GIMP picture", rb"gimp xcf "),
    ("a DirectDraw surface", rb"DDS \x7c\x00\x00\x00"),
    ("an EXR or HDR picture", rb"\x76\x2f\x31\x01|#\?RADIANCE"),
    ("an Amiga picture", rb"FORM....(?:ILBM|PBM |ANIM|ACBM|RGBN|RGB8|DEEP|FTXT)"),
    ("a Flash or Windows metafile", rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF"),
    ("a ZIP archive or office document", rb"PK(?:\x03\x04|\x05\x06|\x07\x08|00PK)"),
    ("a RAR archive", rb"Rar!\x1a\x07"),
    ("a 7-Zip archive", rb"7z\xbc\xaf\x27\x1c"),
    ("gzip data", rb"\x1f\x8b\x08"),
    ("bzip2 data", rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    ("xz, LZMA or LZIP data", rb"\xfd7zXZ\x00|\x5d\x00\x00[\x00-\x80]\x00|LZIP"),
    ("zstd or LZ4 data", rb"\x28\xb5\x2f\xfd|\x04\x22\x4d\x18"),
    ("compress data", rb"\x1f\x9d|\x1f\xa0"),
    ("zstd, LZ4, LZO or Snappy data", rb"\x02\x21\x4c\x18|[\x50-\x5f]\x2a\x4d\x18|\x89LZO\x00\r\n"
     rb"|\xff\x06\x00\x00sNaPpY|LRZI\x00"),
    ("a cpio or squashfs archive", rb"0707(?:01|02|07)[0-9a-fA-F]{4}|hsqs|sqsh"),
    ("the archive of a game", rb"PACK[^\x00]|[IP]WAD|MPQ[\x1a\x1b]|\x34\x12\xaa\x55"),
    ("an LHA, ARJ or ACE archive", rb"..-lh.-|\x60\xea..[\x14-\x2a]|.{7}\*\*ACE\*\*"),
    ("a StuffIt archive", rb"StuffIt|SIT!|SITD"),
    ("a cabinet or installer archive", rb"MSCF\x00|ISc\(|!<arch>\n|xar!\x00\x1c|\xed\xab\xee\xdb|Cr24"),
    ("a tar archive", rb".{257}ustar"),
    ("a PDF document", rb"%PDF-"),
    ("a PostScript document", rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("an RTF document", rb"\{\\rtf"),
    ("an old Office document or Windows thumbnails", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("a DjVu document", rb"AT&TFORM"),
    ("a compiled help file", rb"ITSF\x03|\x3f\x5f\x03\x00"),
    ("a program", rb"\x7fELF|MZ.{58}..\x00\x00|[\xce\xcf]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf]"),
    ("a program of a virtual machine", rb"\xca\xfe\xba\xbe|\x00asm|dex\n|\x1bLua|BC\xc0\xde|;ELC"),
    ("compiled Python", rb"(?:.[\x0b-\x0f]|\x03\xf3)\r\n(?:.{4}|.{8}|.{12})[\x63\xe3]"),
    ("a part of a program", rb"Microsoft C/C\+\+ MSF |\xde\x12\x04\x95|\x95\x04\x12\xde|TZif"
     rb"|MDMP|PAGEDU"),
    ("what an editor keeps beside a text", rb"b0VIM \d|Vim\x9fUnDo"),
    ("a part of a Git repository", rb"PACK\x00\x00\x00[\x02\x03]|\xfftOc\x00\x00\x00\x02|DIRC\x00\x00\x00"
     rb"|# v[23] git bundle|CGPH\x01|MIDX\x01|RIDX\x00"),
    ("a script", rb"#!\s*/"),
    ("a database", rb"SQLite format 3\x00|\x00\x01\x00\x00Standard (?:Jet|ACE) DB|TDB file"
     rb"|\x37\x7f\x06[\x82\x83]|.{12}(?:\x61\x15\x06\x00|\x62\x31\x05\x00|\x00\x06\x15\x61|\x00\x05\x31\x62)"
     rb"|\xce\x9a\x57\x13|.{4}\xef\xcd\xab\x89|.{16}\xde\xc0\xef\xbe|regf|ElfFile\x00|LPKSHHRH|!BDN|8tsd"),
    ("a music program's library or crate", rb"hdfm|mhbd|PMAI\x00|vrsn\x00\x00\x00"),
    ("a colour profile", rb".{36}acsp"),
    ("a certificate or key", rb"\x30\x82..\x30\x82|\xfe\xed\xfe\xed|LUKS\xba\xbe|\x03\xd9\xa2\x9a"),
    ("a recording of a network", rb"\xd4\xc3\xb2\xa1\x02|\xa1\xb2\xc3\xd4\x00\x02|\n\r\r\n.{4}\x4d\x3c"),
    ("another picture", rb"icns\x00|qoif|FLIF|farbfeld|P[1-6]\s\d+\s+\d+\s|II\xbc\x01|\x59\xa6\x6a\x95"
     rb"|.{128}DICM|\xabKTX [12]|BLENDER[-_][vV]|glTF[\x01\x02]\x00|Kaydara FBX|AC10[0-3]\d|CMMM"),
    ("another document", rb".{60}(?:BOOKMOBI|TEXtREAd)|\xffWPC|\x06\x06\xed\xf5\xd8\x1d\x46\xe5"),
    ("a font", rb"\x80\x01.{4}%!(?:PS-AdobeFont|FontType)"
     rb"|\x00\x01\x00\x00\x00[\x04-\x40]|OTTO\x00|ttcf\x00|wOFF|wOF2|true\x00"),
    ("a Windows shortcut", rb"L\x00\x00\x00\x01\x14\x02\x00"),
    ("Macintosh folder settings", rb"\x00\x00\x00\x01Bud1"),
    ("a binary property list", rb"bplist0"),
    ("an alias of the Macintosh", rb"book\x00\x00\x00\x00mark"),
    ("a resource fork", rb"\x00\x05\x16\x07"),
    ("a torrent", rb"d\d+:(?:announce|created|info|creation|comment|encoding)"),
    ("MIDI", rb"MThd|RIFF....RMID|XMF_\d|Crystal"),
    ("a bank of instruments", rb"RIFF....(?:sfbk|DLS )|Extended Instrument: |GIG \x00"),
    ("a tracker's module", rb"Extended Module: |IMPM|.{44}SCRM|MTM[\x10-\x20]|OKTASONG|GF1PATCH1|MMD[0-3]"
     rb"|FAR\xfe|DBM0|PSM \x00|MAS_UTrack_V|.{20}!Scream!|AMShdr|DIGI Booster|.{1080}"
     rb"(?:M\.K\.|M!K!|M&K!|N\.T\.|FLT[48]|[2-9]CHN|[123]\dC[HN]|CD[68]1|OKTA|OCTA)"),
    ("a compact disc's table", rb"RIFF....CDDA"),
    ("other RIFF data", rb"RIFF....(?:PAL |RDIB|RMMP|CDR.|CPPO|shw4|sldr|MIDS|NIFF|IDF |PREM)"),
    ("a film without sound", rb"\x00\x00\x01\xb3|\x00\x00\x00\x01[\x09\x27\x47\x67]|YUV4MPEG2 |DKIF"),
    ("data of a program", rb"\x89HDF\r\n\x1a\n|CDF[\x01\x02]|\x93NUMPY|PAR1|ORC\x00|Obj\x01|ARROW1|SIMPLE  ="
     rb"|\x80[\x02-\x05][\x63\x7d\x5d\x95]|UnityFS\x00|\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00BOOKMOBI"),
    ("a MATLAB file", rb"MATLAB \d\.\d MAT-file"),
    ("a disc image", rb".{32769}CD001|conectix|vhdxfile|KDMV|QFI\xfb|EVF\x09|.{32769}(?:BEA01|NSR0)"),
    ("a PAR2, SFV or NZB helper", rb"PAR2\x00PKT"),
    ("a project of a music program", rb"FLhd\x06|\x03ProTools|\x030010111100101011|\x23\x47\xc0\xab|RPK[NLM]"
     rb"|RIFF....NUND|SFPK"),
)  # fmt: skip
_KINDS = tuple((title, re.compile(pattern, re.DOTALL)) for title, pattern in _SIGNATURES)

_LONGEST_ICON_BYTES = 4 << 20
_UNPACKED_BYTES = 4096
_CONTROL_CHARACTERS = bytes(set(range(32)) - {*b"\t\n\v\f\r\x1a\x1b"}) + b"\x7f"
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))


def other_kind(head: bytes) -> str | None:
    """What a file is that is surely no audio, in words for people; None if it may be some.

    Args:
        head: The file's first ``HEAD_BYTES`` bytes (of ``identification``), or all of them.

    Example:
        >>> other_kind(b"%PDF-1.7"), other_kind(b"fLaC")
        ('a PDF document', None)
    """
    found = next((title for title, pattern in _KINDS if pattern.match(head)), None)
    if found is not None:
        return found
    if _is_zlib(head):
        return "zlib data"
    return "an icon or cursor" if _is_icon(head) else None


def _is_zlib(head: bytes) -> bool:
    """Data that unpacks, as Git's objects are and what many programs keep; two bytes alone say little."""
    if head[:1] != b"\x78" or int.from_bytes(head[:2], "big") % 31 or len(head) < 8:
        return False
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(head, _UNPACKED_BYTES)
    except zlib.error:
        return False
    return unpacker.eof or len(unpacked) == _UNPACKED_BYTES


def _is_icon(head: bytes) -> bool:
    """A directory of pictures, each of which begins behind it (no magic number)."""
    if head[:4] not in (b"\x00\x00\x01\x00", b"\x00\x00\x02\x00") or len(head) < 22:
        return False
    (count,) = struct.unpack_from("<H", head, 4)
    picture_bytes, offset = struct.unpack_from("<II", head, 14)
    reserved, directory_bytes = head[9], 6 + 16 * count
    is_picture = picture_bytes > 0 and directory_bytes <= offset < _LONGEST_ICON_BYTES
    return 0 < count <= 512 and reserved in (0, 255) and is_picture


def is_text(head: bytes) -> bool:
    """True if a file begins as texts do, in any of the usual encodings; an empty one is text too.

    What has no control characters in all of its first bytes is no audio: all codecs and samples have some.
    """
    mark = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
    piece = head
    if mark in ("utf-16-le", "utf-16-be"):
        piece = piece[: len(piece) // 2 * 2].decode(mark, errors="replace").encode("utf-8", errors="replace")
    elif len(piece) >= 8 and (not any(piece[::2]) or not any(piece[1::2])):  # UTF-16 without its mark
        piece = piece.replace(b"\0", b"")
    return not piece.translate(None, delete=_PRINTABLE)


_PRINTABLE = bytes(set(range(256)) - set(_CONTROL_CHARACTERS))
