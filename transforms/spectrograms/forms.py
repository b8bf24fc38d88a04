"""The forms of file that spectrograms travel in: the one place that knows which there are."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.npz_form import NpzForm
from tonearm.transforms.spectrograms.parquet_form import ParquetForm
from tonearm.transforms.spectrograms.tfrecord_form import TFRecordForm

FORMS: Sequence[SpectrogramForm] = (ParquetForm(), NpzForm(), TFRecordForm())
"""``form.py`` says how to add one."""


def form_of(head: bytes) -> SpectrogramForm | None:
    """The form of a file by its first bytes, at least 16 of them; None if it has none of these.

    Example:
        >>> form_of(b"PAR1 and so on").name
        'Parquet'
    """
    return next((form for form in FORMS if form.recognizes(head)), None)
