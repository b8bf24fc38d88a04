"""Which of a tagger's tags answers which label of a labelled set; words may differ, and a file maps them.

Such a file is one JSON object, tag by label: ``{"vocals": "singing", "era: 80s": null}`` holds the tag
``vocals`` against the label ``singing`` and leaves ``80s`` out. Tags that it does not name keep their name.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import Tagger, TagRule

WordMap = Mapping[str, str | None]
"""Label by tag; None leaves the tag out."""

_SHOWN = 8
"""Words that a message lists at most."""


@dataclass(frozen=True, slots=True)
class JudgedTag:
    """A tag of a tagger that the set has a label for.

    Attributes:
        label: The set's word.
        tag: The tagger's word.
        facet: As the tagger has it.
        threshold: Track score from which the tagger may select it.
    """

    label: str
    tag: str
    facet: str
    threshold: float


def read_word_map(location: str) -> dict[str, str | None]:
    """Read a file that maps a tagger's words to those of a labelled set.

    Raises:
        WrongCallError: It cannot be read, or is no object of texts.
    """
    try:
        content = json.loads(Path(location).read_bytes())
    except OSError as error:
        raise WrongCallError(f"--map_vocabulary {location} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WrongCallError(f"--map_vocabulary {location} is no JSON: {error}") from error
    if not isinstance(content, dict) or not all(
        label is None or (isinstance(label, str) and label) for label in content.values()
    ):
        raise WrongCallError(
            f"--map_vocabulary {location} is to be one JSON object of the set's labels by the tagger's tags, "
            'such as {"vocals": "singing", "80s": null}; null leaves a tag out'
        )
    return content


def require_known_words(words: WordMap, taggers: Iterable[Tagger], labels: Collection[str]) -> None:
    """Check that what a file maps is there, on either side: a slip of the pen would drop a tag in silence.

    Raises:
        WrongCallError: With the word that may be meant.
    """
    tags = {rule.tag for tagger in taggers for rule in tagger.tags}
    for tag, label in words.items():
        if tag not in tags:
            raise WrongCallError(f"--map_vocabulary: no tagger has a tag {tag!r}{_meant(tag, tags)}")
        if label is not None and label not in labels:
            raise WrongCallError(f"--map_vocabulary: the set has no label {label!r}{_meant(label, labels)}")


def judged_tags(tagger: Tagger, labels: Collection[str], words: WordMap) -> tuple[JudgedTag, ...]:
    """The tags that can be judged, facet by facet as the tagger has them, by label within a facet.

    Args:
        tagger: Whose tags.
        labels: Those that the set says something of.
        words: What differs in spelling, see :func:`read_word_map`.

    Raises:
        WrongCallError: There is none, or two tags answer one label.
    """
    by_label: dict[str, TagRule] = {}
    for rule in tagger.tags:
        label = words.get(rule.tag, rule.tag)
        if label is None or label not in labels:
            continue
        if label in by_label:
            raise WrongCallError(
                f"the tags {by_label[label].tag!r} and {rule.tag!r} of {tagger.identity} both answer the "
                f"label {label!r}: let --map_vocabulary name one of them, and give null to the other"
            )
        by_label[label] = rule
    if not by_label:
        raise WrongCallError(
            f"no tag of {tagger.identity} is a label of the set. Tags: {_some(r.tag for r in tagger.tags)}; "
            f"labels: {_some(labels)}. Let --map_vocabulary FILE say which tag is which label"
        )
    facets = list(tagger.selection.limits)
    return tuple(
        JudgedTag(label, rule.tag, rule.facet, rule.threshold)
        for label, rule in sorted(by_label.items(), key=lambda item: (facets.index(item[1].facet), item[0]))
    )


def _meant(word: str, known: Collection[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {_some(known)}"


def _some(words: Iterable[str]) -> str:
    """Words as a message lists them.

    >>> _some(["b", "a"]), _some("abcdefghij")
    ('a, b', 'a, b, c, d, e, f, g, h and 2 more')
    """
    ordered = sorted(words)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more if ordered else "none"
