"""Where a manifest's row points to: a relative URI is resolved from the folder of its manifest."""

from __future__ import annotations

import os

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.schemes import is_local, normal_location
from tonearm.transforms.storage.signed_url import location_of


def absolute_uri(uri: str, manifest: str) -> str:
    """The path or URL that a row means; of a URL, its signature is left out.

    Absolute paths are files of this machine, wherever the manifest lies.

    Args:
        uri: As the row has it.
        manifest: Path or URL of the file that holds the row.

    Raises:
        StorageError: A relative URI leads out of its bucket, or a ``file://`` URL to another host.

    Example:
        >>> absolute_uri("../a.mp3", "gs://b/lists/new.csv"), absolute_uri("./a.mp3", "/music/new.csv")
        ('gs://b/a.mp3', '/music/a.mp3')
    """
    normal = normal_location(uri)
    if not is_local(normal):
        return location_of(normal)
    if os.path.isabs(normal):  # noqa: PTH117 - the path is text
        return os.path.normpath(normal)
    if is_local(manifest):
        folder = os.path.dirname(os.path.abspath(manifest))  # noqa: PTH100, PTH120
        return os.path.normpath(os.path.join(folder, normal))  # noqa: PTH118
    bucket, *folders = manifest.partition("://")[2].split("/")[:-1]
    for part in normal.split("/"):
        if part == "..":
            if not folders:
                raise StorageError(
                    ErrorWord.UNREADABLE, f"{uri} leads out of the bucket {bucket}", retriable=False
                )
            folders.pop()
        elif part != ".":
            folders.append(part)
    return f"{manifest.partition('://')[0]}://{'/'.join((bucket, *folders))}"
