"""A bundle of the same networks with other curves and thresholds: all its files, changed where they must."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tonearm.learning.calibration.recalibrating import LeftAsItWas, Recalibrated
from tonearm.learning.evaluation.figures import Figure
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.json_text import format_json
from tonearm.transforms.storage.objects import joined, read_object
from tonearm.transforms.tagging.stored_tagger import bundle_files

_CARD = "README.md"
_BUNDLE_JSON = "bundle.json"

Section = Mapping[str, Any]


def files_of_version(
    tagger: Tagger, version: str, outcomes: Sequence[Recalibrated | LeftAsItWas], basis: Section
) -> dict[str, bytes]:
    """The files of a new version of a bundle; the same outcomes give the same bytes.

    Args:
        tagger: The bundle that there is; its networks are copied as they are.
        version: The new version.
        outcomes: What becomes of its tags; others stay as they are.
        basis: By what tracks the outcomes were found, and what was asked for.

    Raises:
        BundleError: A file of the bundle cannot be read.
    """
    contents = {name: _read(joined(tagger.folder, name)) for name in bundle_files(tagger.folder)}
    document = json.loads(contents[_BUNDLE_JSON])
    document["version"] = version
    for outcome in outcomes:
        if isinstance(outcome, Recalibrated):
            rule = document["tags"][outcome.tag]
            rule["threshold"] = outcome.threshold
            rule.pop("calibration", None)
            if outcome.calibration:
                rule["calibration"] = outcome.calibration.as_json()
    document["calibrated"] = {**basis, "from": _origin(tagger), **_told(outcomes)}
    card = contents.get(_CARD, f"# {tagger.name}\n".encode()).decode("utf-8", "replace")
    contents[_BUNDLE_JSON] = format_json(document).encode()
    contents[_CARD] = f"{card.rstrip()}\n\n{_card_section(tagger, version, outcomes, basis)}".encode()
    return contents


def _read(location: str) -> bytes:
    found = read_object(location)
    if found is None:
        raise BundleError(f"{location} was taken away while the bundle was read")
    return found.content


def _origin(tagger: Tagger) -> Section:
    return {"identity": tagger.identity, "bundle_sha256": tagger.bundle_hash}


def _told(outcomes: Sequence[Recalibrated | LeftAsItWas]) -> Section:
    tags, left = {}, {}
    for outcome in outcomes:
        if isinstance(outcome, LeftAsItWas):
            left[outcome.tag] = outcome.why
            continue
        tags[outcome.tag] = {
            "label": outcome.label,
            "positives": outcome.positives,
            "negatives": outcome.negatives,
            "new_curve": outcome.is_new_curve,
            "precision": asdict(outcome.precision),
            "recall": asdict(outcome.recall),
            "ece_before": outcome.ece_before,
            "ece_after": outcome.ece_after,
        }
    return {"tags": tags, "left_as_they_were": left}


def _card_section(
    tagger: Tagger, version: str, outcomes: Sequence[Recalibrated | LeftAsItWas], basis: Section
) -> str:
    """What the model card says of the new version."""
    wanted = basis["wanted_precision"]
    aim = "the best F1" if wanted is None else f"a precision of {wanted}"
    lines = [
        f"## Version {version}: thresholds for {aim}",
        "",
        f"The networks are those of {tagger.identity}. Curves and thresholds were fitted on "
        f"{basis['tracks']} tracks ({basis['kind']} {basis['digest'][:12]}). What to expect is what they "
        "show, less what thresholds chosen on draws of them promise too much; in brackets, how far it may "
        "be off.",
        "",
        "| tag | tracks with it | threshold | precision | recall | calibration error before, after |",
        "|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        if isinstance(outcome, Recalibrated):
            lines.append(
                f"| {_cell(outcome.tag)} | {outcome.positives} | {outcome.threshold:.3f} | "
                f"{_figure(outcome.precision)} | {_figure(outcome.recall)} | "
                f"{outcome.ece_before:.3f}, {outcome.ece_after:.3f} |"
            )
    left = [f"- {_cell(each.tag)}: {each.why}" for each in outcomes if isinstance(each, LeftAsItWas)]
    return "\n".join([*lines, *(["", "Left as they were:", "", *left] if left else []), ""])


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "not known"
    ends = figure.interval
    return f"{figure.value:.2f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
