"""What figures come to in words: what a tagger is good at, what to distrust, what cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

GOOD_ROC_AUC, POOR_ROC_AUC = 0.9, 0.8
"""Of a hundred pairs of a track with the tag and one without, so many are told apart the right way round."""

GOOD_SHARE, POOR_SHARE = 0.8, 0.5
"""The same for precision and recall."""

_FEW_POSITIVES = 20
_OFTEN_CONFUSED = 0.15
_FEWEST_CONFUSED = 10
_MISCALIBRATED = 0.05
_NAMED = 6
"""Tags or tracks that a sentence names at most."""


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences for people, each complete in itself.

    Attributes:
        headline: The whole in one sentence.
        good: What the tagger can be trusted with.
        distrust: What it should not be trusted with.
        unknown: What these tracks cannot tell.
        comparison: How it stands beside the baseline; none if there is none.
    """

    headline: str
    good: tuple[str, ...]
    distrust: tuple[str, ...]
    unknown: tuple[str, ...]
    comparison: tuple[str, ...]


def words_of(document: Document) -> Words:
    """Put a report in words.

    Args:
        document: All but the words.
    """
    return Words(
        headline=_headline(document),
        good=tuple(_good(document)) or ("Nothing that these tracks could show.",),
        distrust=tuple(_distrust(document)) or ("Nothing that these tracks could show.",),
        unknown=tuple(_unknown(document)),
        comparison=tuple(_comparison(document)) if document["comparison"] else (),
    )


def _headline(document: Document) -> str:
    name, value = document["tagger"]["identity"], document["overall"]["figures"]["roc_auc"]["value"]
    if value is None:
        return (
            f"These tracks cannot tell how good {name} is: of no tag are tracks known that have it and "
            "tracks that lack it."
        )
    told = next(words for limit, words in _LEVELS if value >= limit)
    return (
        f"{name} tells tracks with a tag from tracks without it {told}: in {value * 100:.0f} of 100 pairs "
        "the track that has the tag scores higher."
    )


_LEVELS = (
    (0.97, "very well"),
    (0.9, "well"),
    (0.8, "fairly well"),
    (0.7, "with difficulty"),
    (0.55, "hardly better than chance"),
    (0.0, "no better than chance"),
)


def _good(document: Document) -> Iterator[str]:
    if told := _tags(document, "roc_auc", lambda value: value >= GOOD_ROC_AUC):
        yield f"Tells apart well: {told}. (ROC-AUC; 1 is faultless, 0.5 is chance.)"
    if told := _tags(document, "precision", lambda value: value >= GOOD_SHARE, percent=True):
        yield f"Right when it says so: {told} of the tracks that it gives the tag have it."
    if told := _tags(document, "recall", lambda value: value >= GOOD_SHARE, percent=True):
        yield f"Misses little: it finds {told} of the tracks that have the tag."
    calibration = document["overall"]["calibration"]
    if calibration["ece"] is not None and not _is_miscalibrated(calibration):
        yield (
            f"Scores can be read as probabilities: they are off by {calibration['ece']:.3f} on average, "
            f"where chance alone would make it {calibration['ece_by_chance']:.3f}."
        )


def _distrust(document: Document) -> Iterator[str]:
    if told := _tags(document, "roc_auc", lambda value: value < POOR_ROC_AUC, lowest_first=True):
        yield f"Tells apart badly: {told}."
    if told := _tags(
        document, "precision", lambda value: value < POOR_SHARE, percent=True, lowest_first=True
    ):
        yield f"More often wrong than right: only {told} of the tracks that it gives the tag have it."
    if told := _tags(document, "recall", lambda value: value < POOR_SHARE, percent=True, lowest_first=True):
        yield f"Misses more than half: it finds {told} of the tracks that have the tag."
    yield from _confused(document)
    yield from _weak_parts(document)
    calibration = document["overall"]["calibration"]
    if calibration["ece"] is not None and _is_miscalibrated(calibration):
        yield (
            f"Scores are no probabilities: they are off by {calibration['ece']:.2f} on "
            f"average{_example(calibration)}. `tonearm calibrate` mends that with labels of your own."
        )


def _unknown(document: Document) -> Iterator[str]:
    tags, tracks = document["tags"], document["tracks"]
    if labels := [tag["label"] for tag in tags if not tag["positives"]]:
        yield f"No track is known to have {_listed(labels)}: no figure but false alarms can be given."
    if labels := [tag["label"] for tag in tags if tag["positives"] and not tag["negatives"]]:
        yield f"No track is known to lack {_listed(labels)}: whether it is said too often is not known."
    if labels := [tag["label"] for tag in tags if tag["in_means"] and tag["positives"] < _FEW_POSITIVES]:
        yield f"Fewer than {_FEW_POSITIVES} tracks have {_listed(labels)}: others may give other figures."
    fewest = document["intervals"]["fewest_groups"]
    if labels := [tag["label"] for tag in tags if 0 < tag["groups_that_tell"] < fewest]:
        yield (
            f"Fewer than {fewest} groups bear witness to {_listed(labels)}: how far the figures may be off "
            "cannot be told."
        )
    if left := document["overall"]["tags"] - document["overall"]["tags_in_means"]:
        yield f"Means leave out {_counted(left, 'tag')} that no track is known to have, or none to lack."
    if labels := document["not_judged"]["tags_without_label"]:
        yield f"The set says nothing of {_counted(len(labels), 'tag')} of the tagger: {_listed(labels)}."
    if labels := document["not_judged"]["labels_without_tag"]:
        yield f"The tagger has no tag for {_counted(len(labels), 'label')} of the set: {_listed(labels)}."
    if tracks["without_group"]:
        yield (
            f"{_counted(tracks['without_group'], 'track')} of {tracks['judged']:,} without a group (artist, "
            "album or piece) count as independent: if they share one, intervals are too narrow."
        )
    if tracks["failed"]:
        yield f"Not read, and in no figure: {_counted(tracks['failed'], 'track')}; see the list below."
    yield from _noise(document)


def _comparison(document: Document) -> Iterator[str]:
    comparison, baseline = document["comparison"], document["baseline"]["identity"]
    difference = comparison["differences"]["overall"]["pr_auc"]
    common = f"Beside {baseline}, on {_counted(len(comparison['labels']), 'common tag')} and the same tracks"
    if difference["value"] is None:
        yield f"{common}: these tracks cannot tell."
        return
    match _verdict(difference):
        case "better":
            yield f"{common}, PR-AUC is higher by {_span(difference)}: more than chance explains."
        case "worse":
            yield f"{common}, PR-AUC is lower by {_span(difference, -1)}: more than chance explains."
        case _:
            yield f"{common}, PR-AUC differs by {_span(difference)}: no more than chance explains."
    by_tag = comparison["differences"]["tags"]
    for verdict in ("better", "worse"):
        labels = [label for label, found in by_tag.items() if _verdict(found["pr_auc"]) == verdict]
        if labels:
            yield f"Clearly {verdict} at {_listed(labels)}."
    told = sum(found["pr_auc"]["interval"] is not None for found in by_tag.values())
    if told >= 10:
        yield f"Of {told} tags, about {told / 20:.0f} would differ so much by chance: look for more than one."


def _tags(
    document: Document,
    figure: str,
    fits: Callable[[float], bool],
    *,
    percent: bool = False,
    lowest_first: bool = False,
) -> str:
    """The tags whose figure fits, with it, the most telling first; empty if there are none."""
    found = [
        (tag["figures"][figure]["value"], tag["label"])
        for tag in document["tags"]
        if tag["in_means"]
        and tag["figures"][figure]["value"] is not None
        and fits(tag["figures"][figure]["value"])
    ]
    found.sort(key=lambda item: (item[0] if lowest_first else -item[0], item[1]))
    return _listed(
        [f"{label} ({value:.0%})" if percent else f"{label} ({value:.2f})" for value, label in found]
    )


def _confused(document: Document) -> Iterator[str]:
    every = [each for found in document["confusions"].values() for each in found]
    often = [
        each
        for each in every
        if each["tracks"] >= _FEWEST_CONFUSED and each["wrongly"] >= _OFTEN_CONFUSED * each["tracks"]
    ]
    often.sort(key=lambda each: (-each["wrongly"] / each["tracks"], each["holds"], each["said"]))
    for each in often[:3]:
        yield (
            f"Takes {each['holds']} for {each['said']}: of {each['tracks']:,} tracks that have the one and "
            f"not the other, {each['wrongly']:,} are given {each['said']}."
        )


def _weak_parts(document: Document) -> Iterator[str]:
    """Parts whose interval lies wholly below that of all tracks."""
    whole = document["overall"]["figures"]["roc_auc"]
    if whole["interval"] is None:
        return
    for column in document["parts"]:
        for part in column["parts"]:
            figure = part["figures"]["roc_auc"]
            if figure["interval"] and figure["interval"][1] < whole["interval"][0]:
                yield (
                    f"Weaker where {column['column']} is {part['part']}: ROC-AUC {figure['value']:.2f}, "
                    f"against {whole['value']:.2f} on all tracks."
                )


def _noise(document: Document) -> Iterator[str]:
    bounds = sorted(
        (tag["label_noise"]["at_most"], tag["label"])
        for tag in document["tags"]
        if tag["label_noise"] and tag["label_noise"]["at_most"] is not None
    )
    if bounds:
        (low, least), (high, most) = bounds[0], bounds[-1]
        span = f"{low:.1%} ({least})" if least == most else f"{low:.1%} ({least}) to {high:.1%} ({most})"
        yield (
            f"Labels may be wrong, too: of a tag's labels {span} at most, if they are wrong by chance, or "
            "nothing could score as this tagger does."
        )


def _is_miscalibrated(calibration: Document) -> bool:
    return bool(calibration["ece"] > max(_MISCALIBRATED, 2 * calibration["ece_by_chance"]))


def _example(calibration: Document) -> str:
    """The bin that is furthest off, weighted by what falls into it, as an example."""
    filled = [each for each in calibration["bins"] if each["pairs"]]
    worst = max(filled, key=lambda each: each["pairs"] * abs(each["share"] - each["mean_score"]))
    return f" (where they are about {worst['mean_score']:.2f}, {worst['share']:.0%} of the tags hold)"


def _verdict(difference: Document) -> str:
    interval = difference["interval"]
    if interval is None or interval[0] <= 0 <= interval[1]:
        return ""
    return "better" if interval[0] > 0 else "worse"


def _span(difference: Document, sign: int = 1) -> str:
    interval = difference["interval"]
    value = f"{sign * difference['value']:.3f}"
    if interval is None:
        return value
    low, high = sorted(sign * end for end in interval)
    return f"{value} ({low:.3f} to {high:.3f})"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    >>> _listed(["a", "b", "c"]), _listed(list("abcdefgh"))
    ('a, b and c', 'a, b, c, d, e, f and 2 more')
    """
    if len(words) > _NAMED:
        return f"{', '.join(words[:_NAMED])} and {len(words) - _NAMED} more"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
