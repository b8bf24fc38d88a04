"""What every form of file offers that spectrograms travel in.

How to add a form, say HDF5: write its class in a file beside the others, and enter an instance in ``FORMS``
of ``forms.py``. The keys and their kinds are those of ``keys.KEYS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading


class SpectrogramForm(Protocol):
    """One form of file; reads bytes of strangers and unpickles nothing.

    What reads allocates what ``read_errors`` allows and a small multiple of it, as far as the libraries
    beneath do as the file says. They can be made to do otherwise: ``isolation.isolated_file`` reads files of
    strangers in a process that may not take more.
    """

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def ending(self) -> str:
        """How names of its files end."""

    def recognizes(self, head: bytes) -> bool:
        """True if a file that begins with these bytes, at least 16 of them, is of this form."""

    def may_hold_records(self, file: BinaryIO) -> bool:
        """False if a file of this form surely holds something else than spectrograms.

        Raises:
            TrackError: ``unreadable_spectrogram`` or ``too_large``.
        """

    def headings(self, file: BinaryIO) -> Iterator[TrackHeading | TrackError]:
        """What the file tells of its tracks, without their patches.

        Yields:
            The tracks in the order of their places; one that cannot be told of comes as the error.

        Raises:
            TrackError: ``unreadable_spectrogram``, ``incomplete_spectrogram`` or ``too_large``.
        """

    def read(self, file: BinaryIO, place: int) -> SpectrogramRecord:
        """One track of the file, which is read at any place in it.

        Args:
            file: The file; it can seek.
            place: As its heading has it; 0 where a file holds one track.

        Raises:
            TrackError: As :meth:`headings`.
        """

    def write(self, record: SpectrogramRecord, file: BinaryIO) -> None:
        """Write a file of one track."""
