"""Objects of Google Cloud Storage, read at the generation that was announced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RetryError,
    Unauthorized,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import storage  # type: ignore[attr-defined]
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.content_encoding import decoded
from tonearm.transforms.storage.contract import (
    PIECE_BYTES,
    Contents,
    StorageError,
    StoredObject,
    changed,
    never_there,
)
from tonearm.transforms.storage.payer import Payer
from tonearm.transforms.storage.prefix_listing import PrefixListing

_RETRY = DEFAULT_RETRY.with_delay(initial=0.5, maximum=10.0, multiplier=2.0).with_timeout(120.0)
"""Passing faults (429, 5xx, broken connections) are tried again for two minutes."""

_TIMEOUT = (10.0, 60.0)
"""Seconds to connect and to wait for the next bytes: a hanging connection is a passing fault."""

_FAULTS = (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, ConnectionError, TimeoutError)

_CONTENT_TYPE = "application/octet-stream"

_ABSENT = 0
"""The generation that stands for "there is no such object" in a condition."""


class GoogleStorage(PrefixListing):
    """``gs://`` through google-cloud-storage, with the application's default credentials."""

    scheme = "gs"

    def __init__(self) -> None:
        self._billing_project = Payer.of_environment().billing_project or None
        with _errors_told():
            self._client = storage.Client()

    def list_prefix(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """See :class:`PrefixListing`."""
        with _errors_told():
            blobs = self._client.list_blobs(
                self._bucket(bucket), prefix=prefix, retry=_RETRY, timeout=_TIMEOUT
            )
            for blob in blobs:
                yield _described(self.url(bucket, blob.name), blob)

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        blob = self._blob(uri)
        with _errors_told():
            blob.reload(retry=_RETRY, timeout=_TIMEOUT)
        return _described(uri, blob)

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        if not found.size_bytes:
            return
        blob = self._blob(found.uri, generation=int(found.generation))
        first = self._piece(found, blob, 0, PIECE_BYTES)

        def stored() -> Iterator[bytes]:
            yield first
            for start in range(PIECE_BYTES, found.size_bytes, PIECE_BYTES):
                yield self._piece(found, blob, start, start + PIECE_BYTES)

        yield from decoded(stored(), blob.content_encoding)  # known once the first piece has come

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """See :class:`Storage`."""
        return self._piece(found, self._blob(found.uri, generation=int(found.generation)), start, stop)

    def read_whole(self, uri: str) -> Contents:
        """See :class:`Storage`."""
        blob = self._blob(uri)
        with _errors_told():
            content = blob.download_as_bytes(raw_download=True, retry=_RETRY, timeout=_TIMEOUT)
        return Contents(content, str(blob.generation))

    def write(self, uri: str, content: bytes) -> None:
        """See :class:`Storage`."""
        with _errors_told():
            self._blob(uri).upload_from_string(content, _CONTENT_TYPE, retry=_RETRY, timeout=_TIMEOUT)

    def write_if(self, uri: str, content: bytes, seen: Contents | None) -> Contents | None:
        """See :class:`Storage`."""
        blob = self._blob(uri)
        expected = int(seen.generation) if seen else _ABSENT
        with _errors_told():
            try:
                blob.upload_from_string(
                    content, _CONTENT_TYPE, if_generation_match=expected, retry=_RETRY, timeout=_TIMEOUT
                )
            except PreconditionFailed:
                return self._if_same(uri, content)
        return Contents(content, str(blob.generation))

    def move(self, location: str, new_location: str) -> None:
        """See :class:`Storage`; a copy within the store, then a deletion."""
        original, copy = self._blob(location), self._blob(new_location)
        with _errors_told():
            try:
                token, _, _ = copy.rewrite(original, retry=_RETRY, timeout=_TIMEOUT)
                while token:
                    token, _, _ = copy.rewrite(original, token=token, retry=_RETRY, timeout=_TIMEOUT)
            except NotFound:
                self.look_up(new_location)  # moved before, and the answer was lost
        self.delete([location])

    def delete(self, uris: Sequence[str]) -> None:
        """See :class:`Storage`."""
        for uri in uris:
            with _errors_told():
                try:
                    self._blob(uri).delete(retry=_RETRY, timeout=_TIMEOUT)
                except NotFound:
                    continue

    def _piece(self, found: StoredObject, blob: storage.Blob, start: int, stop: int) -> bytes:
        end = min(stop, found.size_bytes) - 1
        with _errors_told():
            try:
                piece: bytes = blob.download_as_bytes(
                    start=start, end=end, raw_download=True, checksum=None, retry=_RETRY, timeout=_TIMEOUT
                )
            except NotFound as error:
                self.look_up(found.uri)
                raise changed() from error
        return piece

    def _if_same(self, uri: str, content: bytes) -> Contents | None:
        """What is there, if it is what was to be written: then an answer was lost on its way."""
        try:
            present = self.read_whole(uri)
        except StorageError as error:
            if error.word is ErrorWord.NOT_FOUND:
                return None
            raise
        return present if present.content == content else None

    def _bucket(self, name: str) -> storage.Bucket:
        try:
            return self._client.bucket(name, user_project=self._billing_project)
        except (ValueError, IndexError) as error:  # the client's way of refusing a name
            raise never_there() from error

    def _blob(self, uri: str, generation: int | None = None) -> storage.Blob:
        bucket, name = self.bucket_and_name(uri)
        if not name:
            raise never_there()
        return self._bucket(bucket).blob(name, generation=generation)


def _described(uri: str, blob: storage.Blob) -> StoredObject:
    return StoredObject(uri, str(blob.generation), int(blob.size))


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn a client's error into one of the stable words; its text may quote a signed URL and is left out."""
    try:
        yield
    except _FAULTS as error:
        raise _storage_error(error) from error


def _storage_error(error: Exception) -> StorageError:
    match error:
        case NotFound():
            word, reason = ErrorWord.NOT_FOUND, "no such bucket or object"
        case DefaultCredentialsError():
            word = ErrorWord.FORBIDDEN
            reason = "no Google credentials: run `gcloud auth application-default login`"
        case GoogleAuthError():
            word, reason = ErrorWord.FORBIDDEN, "the Google credentials are refused or have expired"
        case Forbidden() | Unauthorized():
            word, reason = ErrorWord.FORBIDDEN, "access denied"
        case GoogleAPICallError() if _wants_billing_project(error):
            word = ErrorWord.FORBIDDEN
            reason = "whoever reads this bucket pays for it: name your project by --billing_project"
        case _:
            word, reason = ErrorWord.UNREADABLE, f"the storage failed: {type(error).__name__}"
    return StorageError(word, reason)


def _wants_billing_project(error: GoogleAPICallError) -> bool:
    """True for the answer 400 of a bucket with "requester pays" to a request that names no project."""
    return error.code == 400 and "requester pays" in str(error.message).lower()
