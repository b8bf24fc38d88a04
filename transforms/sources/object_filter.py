"""Which announced objects a run takes: the filter of a stream, and parts of uploads that are no tracks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tonearm.errors import WrongCallError

_WILDCARD = re.compile(r"[*?\[]")

_NO_ENDING = re.compile(r"^$|[,;|$\\]")
"""Nothing, a list, or a regular expression: none is the end of a file's name."""

_BUCKET_AND_NAME = re.compile(r"gs://[a-z0-9][a-z0-9._-]+/.*", re.DOTALL)

_UPLOAD_PART = re.compile(
    r"gs://[^/]+/(?:.*/)?(?:gsutil|gcloud)/tmp/parallel_composite_uploads/.*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """Which objects a stream takes. Both kinds of text are literal, as no wildcard can be told from a name.

    A message that the filter leaves out is acknowledged and does not come again, so a filter that can match
    nothing is refused.

    Attributes:
        prefixes: ``gs://bucket/folder/`` beginnings; empty for all.
        suffixes: Endings such as ``.flac``, in any case; empty for all.
        outputs: Where the tables are. Their files are announced too if they lie in the bucket, and to take
            them would make a commit, and so further files, without an end.

    Raises:
        WrongCallError: A prefix or suffix can match nothing, or is not meant literally.
    """

    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what can match nothing."""
        for prefix in self.prefixes:
            _require_literal("--prefix", prefix)
            if not _BUCKET_AND_NAME.fullmatch(prefix):
                raise WrongCallError(
                    f"--prefix is gs://BUCKET/BEGINNING, such as {_meant(prefix)}; not '{prefix}'"
                )
        for suffix in self.suffixes:
            _require_literal("--suffix", suffix)
            if suffix != suffix.strip() or suffix.endswith("/") or _NO_ENDING.search(suffix):
                raise WrongCallError(
                    f"--suffix is the end of an object's name, such as .flac; not '{suffix}'. "
                    "Give the option once for each"
                )

    def takes(self, uri: str) -> bool:
        """True if the object is wanted.

        >>> ObjectFilter(prefixes=("gs://catalog/in/",), suffixes=(".flac",)).takes("gs://catalog/in/a.FLAC")
        True
        """
        return (not self.prefixes or uri.startswith(self.prefixes)) and (
            not self.suffixes or uri.lower().endswith(tuple(suffix.lower() for suffix in self.suffixes))
        )

    def is_in_output(self, uri: str) -> bool:
        """True for a file of the tables.

        >>> ObjectFilter(outputs=("gs://catalog/tags",)).is_in_output("gs://catalog/tags/runs/a.parquet")
        True
        """
        return uri.startswith(tuple(f"{output.rstrip('/')}/" for output in self.outputs))

    def can_take_from(self, location: str) -> bool:
        """True if an object that a folder, prefix or glob names may be wanted.

        >>> wanted = ObjectFilter(prefixes=("gs://catalog/in/",))
        >>> wanted.can_take_from("gs://catalog/**"), wanted.can_take_from("gs://catalog/old/")
        (True, False)
        """
        literal = _WILDCARD.split(location)[0]
        return not self.prefixes or any(
            literal.startswith(prefix) or prefix.startswith(literal) for prefix in self.prefixes
        )


def is_upload_part(uri: str) -> bool:
    """True for the temporary objects of a parallel composite upload, which ``gsutil`` and ``gcloud`` make.

    Each holds a piece of a file. The tools join them to the object that was meant, which is announced by
    itself, and delete them. The names are those that both tools document.

    >>> is_upload_part("gs://catalog/gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help/a_0")
    True
    """
    return _UPLOAD_PART.fullmatch(uri) is not None


def _require_literal(option: str, text: str) -> None:
    if found := _WILDCARD.search(text):
        literal = text[: found.start()] if option == "--prefix" else text[_last_wildcard(text) + 1 :]
        hint = f"; say {option} {literal}" if literal else ""
        raise WrongCallError(f"{option} has no wildcards and '{text}' would match nothing{hint}")


def _last_wildcard(text: str) -> int:
    return max(text.rfind(wildcard) for wildcard in "*?[]")


def _meant(prefix: str) -> str:
    """What somebody probably meant by a prefix without its bucket."""
    if re.fullmatch("gs://[^/]+", prefix):
        return f"{prefix.lower()}/"
    return f"gs://BUCKET/{prefix.lstrip('/')}" if prefix and "://" not in prefix else "gs://BUCKET/in/"
