"""Objects of S3 and of stores that speak its protocol, read at the version that was announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from google.api_core.exceptions import RetryError
from google.api_core.retry import Retry

from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError
from tonearm.transforms.storage.contract import PIECE_BYTES, Listed, StoredObject, changed
from tonearm.transforms.storage.glob_pattern import compiled, literal_prefix

SCHEME = "s3://"

_Answer = TypeVar("_Answer")

_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})
"""A hanging connection is a passing fault. boto3's own retries end after some seconds, and all threads share
a quota of 35 of them, which an outage uses up: ``_RETRY`` stands in their place."""

_WORD_OF_CODE = {
    **dict.fromkeys(("404", "NoSuchKey", "NoSuchBucket", "NotFound"), ErrorWord.NOT_FOUND),
    **dict.fromkeys(
        ("401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"), ErrorWord.FORBIDDEN
    ),
}


class S3Storage:
    """``s3://`` through boto3, with its usual chain of credentials; an object's generation is its ETag."""

    def list_objects(self, pattern: str) -> Iterator[Listed]:
        """Objects in the order of their names; folder markers are left out."""
        bucket, wanted = split(pattern)
        prefix = literal_prefix(wanted)
        matches = compiled(wanted if prefix != wanted else f"{wanted}**")
        try:
            for entry in listed(bucket, prefix):
                if matches.fullmatch(entry["Key"]) and not entry["Key"].endswith("/"):
                    uri = f"s3://{bucket}/{entry['Key']}"
                    yield StoredObject(uri, entry["ETag"].strip('"'), int(entry["Size"]))
        except (ClientError, BotoCoreError) as error:
            raise _storage_error(error) from error

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        bucket, key = split(uri)
        try:
            head = call("head_object", Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise _storage_error(error) from error
        return StoredObject(uri, head["ETag"].strip('"'), int(head["ContentLength"]))

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        for start in range(0, found.size_bytes, PIECE_BYTES):
            yield self._read_piece(found, start, min(start + PIECE_BYTES, found.size_bytes) - 1)

    def _read_piece(self, found: StoredObject, start: int, end: int) -> bytes:
        bucket, key = split(found.uri)
        try:
            return read_object(bucket, key, Range=f"bytes={start}-{end}", IfMatch=f'"{found.generation}"')
        except ClientError as error:
            if error.response["Error"]["Code"] in ("412", "PreconditionFailed"):
                raise changed() from error
            raise _storage_error(error) from error
        except BotoCoreError as error:
            raise _storage_error(error) from error


def call(method: str, **arguments: Any) -> Any:
    """Call a method of the process's client, again on passing faults.

    Raises:
        ClientError: The storage refused the request, or failed for two minutes.
        BotoCoreError: It could not be reached for so long.
    """
    return _patiently(getattr(shared_client(), method), **arguments)


def read_object(bucket: str, key: str, **arguments: Any) -> bytes:
    """An object's bytes or a range of them; as :func:`call`, and again if the body breaks off."""

    def read() -> bytes:
        return bytes(shared_client().get_object(Bucket=bucket, Key=key, **arguments)["Body"].read())

    return _patiently(read)


def listed(bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """The entries of a listing, fetched page by page; as :func:`call`."""
    arguments = {"Bucket": bucket, "Prefix": prefix}
    while True:
        page = call("list_objects_v2", **arguments)
        yield from page.get("Contents", ())
        if not page.get("IsTruncated"):
            return
        arguments["ContinuationToken"] = page["NextContinuationToken"]


def _patiently(asked: Callable[..., _Answer], **arguments: Any) -> _Answer:
    try:
        return _RETRY(asked)(**arguments)
    except RetryError as error:
        raise (error.cause or error) from None


def _is_passing(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or status == 429 or error.response["Error"].get("Code") == "RequestTimeout"
    return isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError)


_RETRY = Retry(predicate=_is_passing, initial=0.5, maximum=10.0, multiplier=2.0, timeout=120.0)
"""Passing faults (429, 5xx, broken connections) are tried again for two minutes, as Cloud Storage's are."""


@lru_cache(maxsize=1)
def shared_client() -> Any:
    """The process's client: costly to make, and safe to use from several threads."""
    return boto3.client("s3", config=_CONFIG)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URL."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    return bucket, key


def _storage_error(error: ClientError | BotoCoreError) -> TrackError:
    """Sort a client's error into one of the stable words; its text may quote a signed URL and is not told."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    word = _WORD_OF_CODE.get(code, ErrorWord.UNREADABLE)
    return TrackError(Stage.FETCH, word, f"the storage answered {code}", retriable=True)
