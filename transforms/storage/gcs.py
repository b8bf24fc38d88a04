"""Objects of Google Cloud Storage, read at the generation that was announced."""

from __future__ import annotations

from collections.abc import Iterator

from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RetryError, Unauthorized
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage  # type: ignore[attr-defined]
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError
from tonearm.transforms.storage.contract import PIECE_BYTES, Listed, StoredObject, changed
from tonearm.transforms.storage.glob_pattern import compiled, literal_prefix

_RETRY = DEFAULT_RETRY.with_delay(initial=0.5, maximum=10.0, multiplier=2.0).with_timeout(120.0)
"""Passing faults (429, 5xx, broken connections) are tried again for two minutes."""

_TIMEOUT = (10.0, 60.0)
"""Seconds to connect and to wait for the next bytes: a hanging connection is a passing fault."""

_FAULTS = (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, ConnectionError, TimeoutError)


class GoogleStorage:
    """``gs://`` through google-cloud-storage, with the application's default credentials."""

    def __init__(self) -> None:
        self._client = storage.Client()

    def list_objects(self, pattern: str) -> Iterator[Listed]:
        """Objects in the order of their names; folder markers are left out."""
        bucket, wanted = _split(pattern)
        prefix = literal_prefix(wanted)
        matches = compiled(wanted if prefix != wanted else f"{wanted}**")
        try:
            for blob in self._client.list_blobs(bucket, prefix=prefix, retry=_RETRY, timeout=_TIMEOUT):
                if matches.fullmatch(blob.name) and not blob.name.endswith("/"):
                    yield _described(f"gs://{bucket}/{blob.name}", blob)
        except _FAULTS as error:
            raise _storage_error(error) from error

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        blob = self._blob(uri)
        try:
            blob.reload(retry=_RETRY, timeout=_TIMEOUT)
        except _FAULTS as error:
            raise _storage_error(error) from error
        return _described(uri, blob)

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        blob = self._blob(found.uri, generation=int(found.generation))
        for start in range(0, found.size_bytes, PIECE_BYTES):
            end = min(start + PIECE_BYTES, found.size_bytes) - 1
            try:
                yield blob.download_as_bytes(
                    start=start, end=end, raw_download=True, checksum=None, retry=_RETRY, timeout=_TIMEOUT
                )
            except NotFound as error:
                self.look_up(found.uri)
                raise changed() from error
            except _FAULTS as error:
                raise _storage_error(error) from error

    def _blob(self, uri: str, generation: int | None = None) -> storage.Blob:
        bucket, name = _split(uri)
        return self._client.bucket(bucket).blob(name, generation=generation)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


def _described(uri: str, blob: storage.Blob) -> StoredObject:
    return StoredObject(uri, str(blob.generation), int(blob.size))


def _storage_error(error: Exception) -> TrackError:
    """Sort a client's error into one of the stable words; its text may quote a signed URL and is not told."""
    match error:
        case NotFound():
            word, reason = ErrorWord.NOT_FOUND, "no such bucket or object"
        case Forbidden() | Unauthorized() | GoogleAuthError():
            word, reason = ErrorWord.FORBIDDEN, "access denied"
        case _:
            word, reason = ErrorWord.UNREADABLE, f"the storage failed: {type(error).__name__}"
    return TrackError(Stage.FETCH, word, reason, retriable=True)
