"""Objects of S3 and of stores that speak its protocol, read at the version that was announced."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from transforms.failure import ErrorWord, Stage, TrackError
from transforms.glob_pattern import compiled, literal_prefix
from transforms.storage import PIECE_BYTES, Listed, StoredObject, changed

SCHEME = "s3://"

_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 10})
"""Passing faults and hanging connections are tried again with growing pauses."""

_WORD_OF_CODE = {
    **dict.fromkeys(("404", "NoSuchKey", "NoSuchBucket", "NotFound"), ErrorWord.NOT_FOUND),
    **dict.fromkeys(
        ("401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"), ErrorWord.FORBIDDEN
    ),
}


class S3Storage:
    """``s3://`` through boto3, with its usual chain of credentials; an object's generation is its ETag."""

    def __init__(self) -> None:
        self._client = shared_client()

    def list_objects(self, pattern: str) -> Iterator[Listed]:
        """Objects in the order of their names; folder markers are left out."""
        bucket, wanted = split(pattern)
        prefix = literal_prefix(wanted)
        matches = compiled(wanted if prefix != wanted else f"{wanted}**")
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            for entry in (entry for page in pages for entry in page.get("Contents", ())):
                if matches.fullmatch(entry["Key"]) and not entry["Key"].endswith("/"):
                    uri = f"s3://{bucket}/{entry['Key']}"
                    yield StoredObject(uri, entry["ETag"].strip('"'), int(entry["Size"]))
        except (ClientError, BotoCoreError) as error:
            raise _storage_error(error) from error

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`transforms.storage.Storage`."""
        bucket, key = split(uri)
        try:
            head = self._client.head_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise _storage_error(error) from error
        return StoredObject(uri, head["ETag"].strip('"'), int(head["ContentLength"]))

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`transforms.storage.Storage`."""
        for start in range(0, found.size_bytes, PIECE_BYTES):
            yield self._read_piece(found, start, min(start + PIECE_BYTES, found.size_bytes) - 1)

    def _read_piece(self, found: StoredObject, start: int, end: int) -> bytes:
        bucket, key = split(found.uri)
        request: dict[str, Any] = {
            "Bucket": bucket,
            "Key": key,
            "Range": f"bytes={start}-{end}",
            "IfMatch": f'"{found.generation}"',
        }
        for attempts_left in reversed(range(_ATTEMPTS_AT_A_BODY)):
            try:
                return bytes(self._client.get_object(**request)["Body"].read())
            except ClientError as error:
                if error.response["Error"]["Code"] in ("412", "PreconditionFailed"):
                    raise changed() from error
                raise _storage_error(error) from error
            except BotoCoreError as error:
                # boto3 tries requests again by itself, but not a body that breaks off.
                if not attempts_left:
                    raise _storage_error(error) from error
        raise AssertionError("the loop returns or raises")


_ATTEMPTS_AT_A_BODY = 4


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
