"""The cards in a bundle's folder: what the model is, and what it learned from; written from facts alone.

After "Model Cards for Model Reporting" (Mitchell et al. 2019, arXiv:1810.03993) and "Datasheets for Datasets"
(Gebru et al. 2021, arXiv:1803.09010).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from tonearm.learning.training.call import TrainingCall
from tonearm.learning.training.inputs.material import Material
from tonearm.learning.training.outcome.figures import Figures, TagFigures

_MODEL_CARD = """\
# {name}@{version}

A tagger with {tags} tags, trained {beginning}.
`tonearm ingest INPUT --output OUT --tagger FOLDER` uses it, FOLDER being this one.

- What it learned from is in [DATASET.md](DATASET.md), how training went in [history.jsonl](history.jsonl).
- A tag's score is a probability, fitted on the validation tracks: of tracks like those, about that share has
  the tag. For music of another kind it is not known how far that holds.
- A tag is selected from its threshold on, which has the best F1 on the validation tracks.

## What to rely on

{advice}

Tracks unlike those it learned from (other styles, old or noisy recordings) may be tagged worse: listen to
some before a catalog shows the tags. They tell of the sound alone; names, credits and lyrics are unknown.

## On the validation tracks

{tracks:,} tracks to which no weight was fitted. But the round whose weights are kept, the thresholds and the
probabilities were chosen by them, so expect a little less on others: `tonearm evaluate` measures on the test
split.

Mean over the tags: ROC-AUC {roc_auc:.3f}, PR-AUC {pr_auc:.3f}.

{by_tag}

*ROC-AUC*: how often a track with the tag scores higher than one without; 0.5 is guessing, 1 is never wrong.
*PR-AUC*: how clean the top of a list is that is sorted by score; guessing gives the share of tracks with the
tag.
*Precision*: of the tracks that get the tag, the share that have it. *Recall*: of the tracks that have it, the
share that get it.

## How it was made

`tonearm train` {code_version}, code `{code}`, data set `{dataset}`; {epochs} rounds, of which
number {best_epoch} was kept. The same arguments on the same kind of machine give the same weights to the bit.
`bundle.json` has all of it in full, under `provenance`.

{arguments}
"""

_DATASET_CARD = """\
# Data set {name}

Digest: `{digest}`. It names the tracks, the labels, the patches and the rules by
which they were chosen; `tonearm dataset withdraw` finds this bundle by it.

**Consent.** The data set was built by `tonearm dataset build`, which opens no file of a track without
`training_opt_in = true`; each track in it names the row of the manifest that says so.

{splits}

Nothing of the test split was opened. Patches have {frames} frames of {bands} bands, at {rate:,} Hz (front end
`{front_end}`).

## Licences

{licences}

## Labels

How many tracks have a label and how many do not; of the others it is not known, and they did not count.
{left_out}
{labels}
"""


_FIGURES = [field.name for field in fields(TagFigures) if field.name != "negatives"]
"""Columns of the table of tags."""

_FEW_POSITIVES = 10
"""With fewer tracks, figures of a tag say little: one track more or less moves recall by a tenth."""

_WEAK_ROC_AUC = 0.7
"""Below it three of ten pairs of tracks are in the wrong order."""


def model_card(
    call: TrainingCall, material: Material, provenance: Mapping[str, Any], figures: Figures
) -> str:
    """The bundle's ``README.md``."""
    base = provenance["arguments"]["from"]
    by_tag = [[getattr(tag, name) for name in _FIGURES] for tag in figures.tags]
    return _MODEL_CARD.format(
        name=call.name,
        version=call.version,
        tags=len(figures.tags),
        beginning=f"({call.tune}) from {base['tagger']}, network {base['network']}"
        if base
        else "from scratch",
        tracks=figures.tracks,
        advice=advice_on(figures),
        roc_auc=figures.roc_auc,
        pr_auc=figures.pr_auc,
        by_tag=_table([name.replace("_", " ") for name in _FIGURES], by_tag),
        code_version=provenance["code"]["version"],
        code=provenance["code"]["sha256"][:12],
        dataset=material.dataset.digest[:12],
        epochs=provenance["outcome"]["epochs"],
        best_epoch=provenance["outcome"]["best_epoch"],
        arguments=_table(
            ("argument", "value"), [(name, str(value)) for name, value in provenance["arguments"].items()]
        ),
    )


def advice_on(figures: Figures) -> str:
    """Which tags are sound, which are weak, and of which too little is known, in words."""
    few = [tag.tag for tag in figures.tags if tag.positives < _FEW_POSITIVES or tag.roc_auc is None]
    known = [tag for tag in figures.tags if tag.tag not in few]
    weak = [tag.tag for tag in known if (tag.roc_auc or 0.0) < _WEAK_ROC_AUC]
    sound = [tag.tag for tag in known if tag.tag not in weak]
    advice = (
        (f"Told apart well (ROC-AUC of {_WEAK_ROC_AUC} and more)", sound),
        (f"Weak, not to be shown without a look (ROC-AUC below {_WEAK_ROC_AUC})", weak),
        (f"Not known: fewer than {_FEW_POSITIVES} validation tracks have the tag, or all have", few),
    )
    return "\n".join(f"- {says}: {', '.join(tags)}." for says, tags in advice if tags)


def dataset_card(material: Material) -> str:
    """The bundle's ``DATASET.md``."""
    training, validation = material.training, material.validation
    front_end = material.dataset.front_end
    splits = [
        (each.split, len(each.labels), len(each.groups), int(each.patches.sum()), use)
        for each, use in ((training, "weights"), (validation, "when to stop, thresholds, probabilities"))
    ]
    licences = [
        (name or "not given", training.licences.get(name, 0), validation.licences.get(name, 0))
        for name in sorted(training.licences.keys() | validation.licences.keys())
    ]
    labels = [
        [meaning.label, meaning.tag]
        + [counts[place] for each in (training, validation) for counts in (each.positives, each.negatives)]
        for place, meaning in zip(material.kept, material.meanings, strict=True)
    ]
    return _DATASET_CARD.format(
        name=material.dataset.digest[:12],
        digest=material.dataset.digest,
        splits=_table(("split", "tracks", "groups", "patches", "for"), splits),
        frames=front_end.patch_frames,
        bands=front_end.mel_bands,
        rate=front_end.sample_rate_hz,
        front_end=front_end.fingerprint,
        licences=_table(("licence", "train", "validation"), licences),
        left_out=_left_out(material),
        labels=_table(("label", "tag", "train +", "train −", "validation +", "validation −"), labels),
    )


def _left_out(material: Material) -> str:
    names = [label for place, label in enumerate(material.dataset.labels) if place not in material.kept]
    return f"Left out, as too few tracks have them: {', '.join(names)}.\n" if names else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [" | ".join(_cell(cell) for cell in row) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "–" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
