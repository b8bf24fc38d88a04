"""A spectrogram as NumPy's ``.npz``: one track a file, one array a key.

Numbers are arrays of no dimension, texts such arrays of ``str``, ``metadata`` is a JSON text. ``numpy.load``
is not used to read it: it would believe what a file says about its size.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.keys import (
    HEADING_NAMES,
    KEYS,
    KeyKind,
    heading_from,
    record_from,
    values_of,
)
from tonearm.transforms.spectrograms.read_errors import (
    MOST_OTHER_BYTES,
    MOST_PATCH_BYTES,
    incomplete,
    require_fitting,
    unreadable,
)
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading
from tonearm.transforms.spectrograms.texts_by_name import texts_from_json, texts_to_json

_MOST_HEADER_BYTES = 4096
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How ``numpy.savez`` and ``numpy.savez_compressed`` pack."""


class NpzForm:
    """NumPy's archive of arrays; see :class:`SpectrogramForm`."""

    name = "npz"
    ending = ".npz"

    def recognizes(self, head: bytes) -> bool:
        """See :class:`SpectrogramForm`; every zip archive begins so."""
        return head.startswith(b"PK\x03\x04")

    def may_hold_records(self, file: BinaryIO) -> bool:
        """See :class:`SpectrogramForm`; a zip archive that holds no arrays is a document, or a folder."""
        with _reading(), zipfile.ZipFile(file) as archive:
            return any(member.filename.endswith(".npy") for member in archive.infolist())

    def headings(self, file: BinaryIO) -> Iterator[TrackHeading | TrackError]:
        """See :class:`SpectrogramForm`."""
        yield heading_from(0, _values(file, HEADING_NAMES))

    def read(self, file: BinaryIO, place: int) -> SpectrogramRecord:
        """See :class:`SpectrogramForm`."""
        return record_from(_values(file, [key.name for key in KEYS]))

    def write(self, record: SpectrogramRecord, file: BinaryIO) -> None:
        """See :class:`SpectrogramForm`."""
        values = values_of(record) | {"metadata": texts_to_json(record.metadata)}
        arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextmanager
def _reading() -> Iterator[None]:
    """Say of whatever the libraries find that the file is not whole."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, struct.error) as error:
        raise unreadable(f"no whole .npz file ({type(error).__name__}): it is cut or damaged") from error
    except (RuntimeError, NotImplementedError) as error:
        raise unreadable("no .npz file: it is encrypted, or packed as numpy does not") from error


def _values(file: BinaryIO, names: Sequence[str]) -> dict[str, Any]:
    """The values of these keys; one that the file does not have is not among them."""
    size = file.seek(0, io.SEEK_END)
    require_fitting("the .npz file", size, MOST_PATCH_BYTES + MOST_OTHER_BYTES)
    values: dict[str, Any] = {}
    with _reading(), zipfile.ZipFile(file) as archive:
        for key in KEYS:
            members = [each for each in archive.infolist() if each.filename == f"{key.name}.npy"]
            if key.name not in names or not members:
                continue
            if len(members) > 1:
                raise unreadable(f"{key.name} is in the .npz file twice")
            values[key.name] = _value(key.kind, key.name, _array(archive, members[0], key.kind))
    return values


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, kind: KeyKind) -> np.ndarray[Any, Any]:
    """An array of numbers or text; its size is known and allowed before it is read."""
    if member.compress_type not in _PACKED:
        raise unreadable("no .npz file: it is packed as numpy does not")
    with archive.open(member) as packed:
        shape, fortran_order, dtype = _header(packed)
        if dtype.kind not in "fiubU":
            raise incomplete(f"{member.filename} holds {dtype}; numbers and text are read, and no objects")
        length = math.prod(shape) * dtype.itemsize
        most = MOST_PATCH_BYTES if kind is KeyKind.PATCHES else MOST_OTHER_BYTES
        require_fitting(member.filename, length, most)
        content = packed.read(length)
        if len(content) < length or packed.read(1):
            raise unreadable(f"{member.filename} is {dtype} {shape} and not as long as that")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")


def _header(packed: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(packed)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise unreadable(f"an array of NumPy's format {version}; 1.0 and 2.0 are read")
    shape, fortran_order, dtype = read(packed, max_header_size=_MOST_HEADER_BYTES)
    if any(length < 0 for length in shape):
        raise unreadable(f"an array of the shape {shape}")
    return shape, fortran_order, dtype


def _value(kind: KeyKind, name: str, array: np.ndarray[Any, Any]) -> Any:
    if kind in {KeyKind.PATCHES, KeyKind.TIMES}:
        return array
    if array.ndim:
        raise incomplete(f"{name} has the shape {array.shape}; one value is expected: numpy.asarray(value)")
    value = array.item()
    return _AS[kind](value) if kind in _AS else value


def _number(value: Any) -> float | None:
    """A number; none where it is "not a number", as NumPy has no other way to say so."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    return None if isinstance(number, float) and math.isnan(number) else number


_AS = {KeyKind.NUMBER: _number, KeyKind.TEXTS_BY_NAME: texts_from_json}
