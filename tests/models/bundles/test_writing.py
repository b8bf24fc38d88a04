"""A bundle is written whole, the same bytes each time, and reads back as what it was made of."""

from __future__ import annotations

import json
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle_drafts import INSTRUMENTS, instruments_draft, short_chunk_network
from tonearm.models.bundles.draft import BundleDraft, NetworkDraft, Output, TagDraft
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import FACETS, Selection
from tonearm.models.bundles.weights import weights_of
from tonearm.models.bundles.writing import BundleWriteError, write_bundle

LIMIT_BYTES = 100_000


@pytest.fixture(scope="module")
def draft() -> BundleDraft:
    return instruments_draft()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have the system refuse to write longer files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_bundle_reads_back_as_what_it_was_made_of(tmp_path: Path, draft: BundleDraft) -> None:
    written = write_bundle(tmp_path / "new" / "instruments", draft)
    tagger = load_tagger(str(tmp_path / "new" / "instruments"))
    assert tagger == written
    assert tagger.identity == "instruments@1"
    assert tagger.front_end == draft.front_end
    assert tagger.selection == Selection({"instrument": 3}, ())
    assert [(rule.tag, rule.facet, rule.threshold, rule.calibration) for rule in tagger.tags] == [
        (tag.tag, tag.facet, tag.threshold, tag.calibration) for tag in draft.tags
    ]
    patches = torch.rand(2, 187, 96)
    (network,) = tagger.build_networks()
    assert torch.equal(network(patches)[0], short_chunk_network(len(INSTRUMENTS))(patches)[0])


def test_further_sections_and_texts_are_in_it(tmp_path: Path, draft: BundleDraft) -> None:
    write_bundle(tmp_path / "bundle", draft)
    document = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert document["provenance"] == {"seed": 0}
    assert document["networks"][0]["training_data"] == "made up"
    assert (tmp_path / "bundle" / "README.md").read_text().startswith("# Instruments")


def test_the_same_draft_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_bundle(tmp_path / name, instruments_draft())
    assert files_of(tmp_path / "first") == files_of(tmp_path / "second")


def test_others_may_read_it_as_any_folder(tmp_path: Path, draft: BundleDraft) -> None:
    (tmp_path / "any").mkdir()
    write_bundle(tmp_path / "bundle", draft)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("any", "bundle")]
    assert modes[0] == modes[1]


def test_a_bundle_that_is_there_stays(tmp_path: Path, draft: BundleDraft) -> None:
    write_bundle(tmp_path / "bundle", draft)
    before = files_of(tmp_path / "bundle")
    with pytest.raises(BundleError, match=r"bundle is there already.*name a new folder"):
        write_bundle(tmp_path / "bundle", replace(draft, version="2"))
    assert files_of(tmp_path / "bundle") == before


@pytest.mark.parametrize("kind", ["file", "dangling link", "empty folder"])
def test_whatever_is_there_already_stays(tmp_path: Path, draft: BundleDraft, kind: str) -> None:
    place = tmp_path / "bundle"
    make = {
        "file": place.touch,
        "dangling link": lambda: place.symlink_to("nowhere"),
        "empty folder": place.mkdir,
    }
    make[kind]()
    with pytest.raises(BundleError, match="is there already"):
        write_bundle(place, draft)
    assert list(tmp_path.iterdir()) == [place]


def test_a_full_disk_leaves_nothing(tmp_path: Path, draft: BundleDraft) -> None:
    with files_of_at_most(LIMIT_BYTES), pytest.raises(BundleWriteError, match=r"Nothing of it was left"):
        write_bundle(tmp_path / "bundle", draft)
    assert not list(tmp_path.iterdir())
    write_bundle(tmp_path / "bundle", draft)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, draft: BundleDraft) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundleWriteError, match=r"Cannot write the bundle .*bundle: Not a directory"):
        write_bundle(tmp_path / "file" / "bundle", draft)


def test_a_url_is_no_folder(draft: BundleDraft) -> None:
    with pytest.raises(BundleError, match="folder of this machine"):
        write_bundle(Path("gs://bucket/tagger"), draft)


def without_a_tensor(draft: BundleDraft) -> BundleDraft:
    (network,) = draft.networks
    weights = {name: values for name, values in network.weights.items() if name != "dense.bias"}
    return replace(draft, networks=(replace(network, weights=weights),))


def with_weights_that_broke(draft: BundleDraft) -> BundleDraft:
    (network,) = draft.networks
    broken = {**network.weights, "dense.bias": np.full(200, np.nan, np.float32)}
    return replace(draft, networks=(replace(network, weights=broken),))


def with_tags(draft: BundleDraft, **changes: Any) -> BundleDraft:
    return replace(draft, tags=(replace(draft.tags[0], **changes), *draft.tags[1:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_a_tensor, r"missing tensors \['dense.bias'\]"),
        (with_weights_that_broke, "not finite"),
        (lambda draft: replace(draft, tags=draft.tags[1:]), "'brass' is not known"),
        (lambda draft: with_tags(draft, facet="taste"), "'taste' is not known"),
        (lambda draft: with_tags(draft, threshold=0.0), "not between"),
        (lambda draft: replace(draft, name=" "), "the text is empty"),
        (lambda draft: replace(draft, selection=Selection({}, ())), "no limit for instrument"),
        (lambda draft: replace(draft, networks=()), r"no unit|at least one network|is not known"),
        (
            lambda draft: replace(draft, networks=(replace(draft.networks[0], name="../up"),)),
            "plain name of a file",
        ),
    ],
)
def test_what_loading_would_refuse_is_not_written(
    tmp_path: Path, draft: BundleDraft, change: Any, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        write_bundle(tmp_path / "bundle", change(draft))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"sections": {"tags": {}}},
        {"texts": {"bundle.json": "{}"}},
        {"texts": {"instruments.safetensors": ""}},
        {"texts": {"../README.md": ""}},
        {"sections": {"metrics": float("nan")}},
    ],
    ids=str,
)
def test_further_parts_replace_nothing_and_stay_inside(
    tmp_path: Path, draft: BundleDraft, change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"itself has|plain name|not JSON"):
        write_bundle(tmp_path / "bundle", replace(draft, **change))
    assert not list(tmp_path.iterdir())


TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    tags=st.dictionaries(
        TEXTS, st.tuples(st.sampled_from(FACETS), st.floats(1e-6, 1)), min_size=1, max_size=4
    ),
    data=st.data(),
)
def test_any_vocabulary_reads_back(
    tmp_path_factory: pytest.TempPathFactory, tags: dict[str, tuple[str, float]], data: st.DataObject
) -> None:
    outputs = tuple(
        Output(data.draw(TEXTS), tag) for tag in tags for _ in range(data.draw(st.integers(1, 2)))
    )
    weights = weights_of(short_chunk_network(len(outputs)))
    drafted = replace(
        instruments_draft(),
        networks=(NetworkDraft("any", "short_chunk", weights, outputs),),
        tags=tuple(TagDraft(tag, facet, threshold) for tag, (facet, threshold) in tags.items()),
        selection=Selection({facet: data.draw(st.integers(0, 5)) for facet in FACETS}, ()),
    )
    tagger = write_bundle(tmp_path_factory.mktemp("any") / "bundle", drafted)
    assert [(unit.label, unit.tag) for unit in tagger.units] == list(outputs)
    assert {rule.tag: (rule.facet, rule.threshold) for rule in tagger.tags} == tags
    assert tagger.selection == drafted.selection
