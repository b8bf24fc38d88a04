"""Objects of S3 and of stores that speak its protocol, read at the version that was announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
)
from google.api_core.exceptions import RetryError
from google.api_core.retry import Retry

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

_Answer = TypeVar("_Answer")

_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})
"""A hanging connection is a passing fault. boto3's own retries end after some seconds, and all threads share
a quota of 35 of them, which an outage uses up: ``_RETRY`` stands in their place."""

_DELETED_AT_ONCE = 1000
"""S3 takes no more keys in one request."""

_ABSENT = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
_REFUSED = ("401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken", "TokenRefreshRequired")
_CONDITION_FAILED = ("412", "PreconditionFailed")


class S3Storage(PrefixListing):
    """``s3://`` through boto3, with its usual chain of credentials; an object's generation is its ETag."""

    scheme = "s3"

    def __init__(self) -> None:
        # A client is costly to make, and safe to use from several threads.
        self._client = boto3.Session().client("s3", config=_CONFIG)
        self._payer: Mapping[str, str] = {"RequestPayer": "requester"} if Payer.of_environment().s3 else {}

    def list_prefix(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """See :class:`PrefixListing`."""
        arguments = {"Bucket": bucket, "Prefix": prefix}
        while True:
            with _errors_told():
                page = self._call("list_objects_v2", **arguments)
            for entry in page.get("Contents", ()):
                yield StoredObject(
                    self.url(bucket, entry["Key"]), entry["ETag"].strip('"'), int(entry["Size"])
                )
            if not page.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def look_up(self, uri: str) -> StoredObject:
        """See :class:`Storage`."""
        with _errors_told():
            head = self._call("head_object", **self._place(uri))
        return StoredObject(uri, head["ETag"].strip('"'), int(head["ContentLength"]))

    def read(self, found: StoredObject) -> Iterator[bytes]:
        """See :class:`Storage`."""
        if not found.size_bytes:
            return
        first, head = self._get_range(found, 0, PIECE_BYTES)

        def stored() -> Iterator[bytes]:
            yield first
            for start in range(PIECE_BYTES, found.size_bytes, PIECE_BYTES):
                yield self.read_range(found, start, start + PIECE_BYTES)

        yield from decoded(stored(), head.get("ContentEncoding"))

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """See :class:`Storage`."""
        return self._get_range(found, start, stop)[0]

    def read_whole(self, uri: str) -> Contents:
        """See :class:`Storage`."""
        with _errors_told():
            content, head = self._get(**self._place(uri))
        return Contents(content, head["ETag"].strip('"'))

    def write(self, uri: str, content: bytes) -> None:
        """See :class:`Storage`."""
        with _errors_told():
            self._call("put_object", **self._place(uri), Body=content)

    def write_if(self, uri: str, content: bytes, seen: Contents | None) -> Contents | None:
        """See :class:`Storage`."""
        condition = {"IfMatch": f'"{seen.generation}"'} if seen else {"IfNoneMatch": "*"}
        with _errors_told():
            try:
                answer = self._call("put_object", **self._place(uri), Body=content, **condition)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _CONDITION_FAILED or (seen and code in ("404", "NoSuchKey")):
                    return self._if_same(uri, content)
                raise
        return Contents(content, answer["ETag"].strip('"'))

    def move(self, location: str, new_location: str) -> None:
        """See :class:`Storage`; a copy within the store, then a deletion."""
        from_bucket, from_key = self.bucket_and_name(location)
        original = {"Bucket": from_bucket, "Key": from_key}
        with _errors_told():
            try:
                self._call("copy_object", **self._place(new_location), CopySource=original)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _ABSENT:
                    raise
                self.look_up(new_location)  # moved before, and the answer was lost
        self.delete([location])

    def delete(self, uris: Sequence[str]) -> None:
        """See :class:`Storage`."""
        for first in range(0, len(uris), _DELETED_AT_ONCE):
            places = [self.bucket_and_name(uri) for uri in uris[first : first + _DELETED_AT_ONCE]]
            with _errors_told():
                answer = self._call(
                    "delete_objects",
                    Bucket=places[0][0],
                    Delete={"Objects": [{"Key": key} for _, key in places], "Quiet": True},
                )
            if refused := answer.get("Errors"):
                raise _told(refused[0].get("Code", ""))

    def _place(self, uri: str) -> dict[str, str]:
        bucket, key = self.bucket_and_name(uri)
        return {"Bucket": bucket, "Key": key}

    def _get_range(self, found: StoredObject, start: int, stop: int) -> tuple[bytes, Mapping[str, Any]]:
        end = min(stop, found.size_bytes) - 1
        with _errors_told():
            return self._get(
                **self._place(found.uri), Range=f"bytes={start}-{end}", IfMatch=f'"{found.generation}"'
            )

    def _get(self, **arguments: str) -> tuple[bytes, Mapping[str, Any]]:
        """An object's bytes or a range of them, and its headers; again if the body breaks off."""

        def get() -> tuple[bytes, Mapping[str, Any]]:
            answer = self._client.get_object(**arguments, **self._payer)
            return bytes(answer["Body"].read()), answer

        return _patiently(get)

    def _call(self, method: str, **arguments: Any) -> Any:
        """Call a method of the client, again on passing faults."""
        return _patiently(lambda: getattr(self._client, method)(**arguments, **self._payer))

    def _if_same(self, uri: str, content: bytes) -> Contents | None:
        """What is there, if it is what was to be written: then an answer was lost on its way."""
        try:
            present = self.read_whole(uri)
        except StorageError as error:
            if error.word is ErrorWord.NOT_FOUND:
                return None
            raise
        return present if present.content == content else None


def _patiently(asked: Callable[[], _Answer]) -> _Answer:
    try:
        return _RETRY(asked)()
    except RetryError as error:
        raise (error.cause or error) from None


def _is_passing(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response["Error"].get("Code")
        return status >= 500 or status == 429 or code in ("RequestTimeout", "ConditionalRequestConflict")
    return isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError)


_RETRY = Retry(predicate=_is_passing, initial=0.5, maximum=10.0, multiplier=2.0, timeout=120.0)
"""Passing faults (429, 5xx, broken connections) are tried again for two minutes, as Cloud Storage's are."""


@contextmanager
def _errors_told() -> Iterator[None]:
    """Turn a client's error into one of the stable words; its text may quote a signed URL and is left out."""
    try:
        yield
    except ClientError as error:
        raise _told(error.response["Error"]["Code"]) from error
    except NoCredentialsError as error:
        message = (
            "no AWS credentials: run `aws configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise StorageError(ErrorWord.FORBIDDEN, message) from error
    except ParamValidationError as error:
        raise never_there() from error
    except BotoCoreError as error:
        raise _told(type(error).__name__) from error


def _told(code: str) -> StorageError:
    if code in _CONDITION_FAILED:
        return changed()
    if code in _EXPIRED:
        return StorageError(ErrorWord.FORBIDDEN, f"the AWS credentials have expired ({code})")
    word = ErrorWord.NOT_FOUND if code in _ABSENT else ErrorWord.UNREADABLE
    return StorageError(ErrorWord.FORBIDDEN if code in _REFUSED else word, f"the storage answered {code}")
