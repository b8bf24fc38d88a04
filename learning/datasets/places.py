"""Where a data set lies: its location in the one spelling that all else uses."""

from __future__ import annotations

import os

from tonearm.learning.datasets.track import DatasetError
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.schemes import is_local, is_object_url, normal_location


def located_dataset(location: str) -> str:
    """The folder or URL of a data set; absolute if on a disk, without a slash at its end.

    Raises:
        DatasetError: No data set can be there.

    Example:
        >>> located_dataset("gs://bucket/sets/ours/"), located_dataset("file:///sets/ours")
        ('gs://bucket/sets/ours', '/sets/ours')
    """
    if not location:
        raise DatasetError("the name of the data set is empty; the working folder is `.`")
    try:
        normal = normal_location(location)
    except StorageError as error:
        raise DatasetError(f"{location} cannot be the place of a data set: {error.message}") from error
    if is_local(normal):
        return os.path.abspath(normal)  # noqa: PTH100 - resolves "..", not links; as storages list
    if not is_object_url(normal):
        raise DatasetError(f"{location} cannot be the place of a data set: name a folder, gs://… or s3://…")
    return normal.rstrip("/")
