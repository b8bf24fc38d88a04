"""From patch scores to tags: merging, statistics and the selection rule."""

from dataclasses import replace

import numpy as np
import pytest

from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import FACETS, Tagger
from tonearm.models.bundles.tags import Scores, Tag, select, tag_scores


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return load_tagger("musicnn")


def scores_with(tagger: Tagger, patches: int = 1, **by_label: float) -> Scores:
    """Patch scores of 0 but for some outputs, named ``network_label``."""
    scores = np.zeros((patches, len(tagger.units)), np.float32)
    for unit in tagger.units:
        name = f"{unit.network}_{unit.label}".replace(" ", "_")
        scores[:, unit.index] = by_label.get(name, 0)
    return scores


def by_tag(tags: list[Tag]) -> dict[str, Tag]:
    return {tag.tag: tag for tag in tags}


def selected(tags: list[Tag]) -> set[str]:
    return {tag.tag for tag in tags if tag.selected}


def test_every_output_has_a_facet_and_every_tag_appears_once(tagger: Tagger) -> None:
    tags = tag_scores(tagger, scores_with(tagger))
    assert {unit.facet for unit in tagger.units} == set(FACETS)
    assert sorted(tag.tag for tag in tags) == sorted({unit.tag for unit in tagger.units})


@pytest.mark.parametrize(
    ("tag", "labels"),
    [
        ("female vocals", "female|woman|female vocal|female voice|female vocalists|female vocalist"),
        ("male vocals", "male|man|male vocal|male voice|male vocalists"),
        ("instrumental", "no vocals|no vocal|no voice|instrumental"),
        ("classical", "classical|classic"),
        ("choir", "choir|choral"),
        ("chill", "chill|chillout"),
        ("hip hop", "Hip-Hop"),
        ("guitar", "guitar"),
    ],
)
def test_synonyms_share_a_tag(tagger: Tagger, tag: str, labels: str) -> None:
    assert {unit.label for unit in tagger.units if unit.tag == tag} == set(labels.split("|"))


def test_score_peak_and_presence_are_taken_over_patches(tagger: Tagger) -> None:
    scores = scores_with(tagger, patches=4)
    piano = next(unit.index for unit in tagger.units if unit.label == "piano")
    scores[:, piano] = [0.1, 0.2, 0.9, 0.0]
    tag = by_tag(tag_scores(tagger, scores))["piano"]
    assert (tag.score, tag.peak, tag.facet) == (pytest.approx(0.3), pytest.approx(0.9), "instrument")
    assert tag.presence == 0.5  # 0.2 and 0.9 reach piano's threshold of 0.2


def test_synonyms_merge_patch_by_patch(tagger: Tagger) -> None:
    scores = scores_with(tagger, patches=2)
    choir, choral = (o.index for o in tagger.units if o.tag == "choir")
    scores[0, choir], scores[1, choral] = 0.6, 0.4
    assert by_tag(tag_scores(tagger, scores))["choir"].score == pytest.approx(0.5)


def test_networks_vote_where_both_know_the_word(tagger: Tagger) -> None:
    tags = by_tag(tag_scores(tagger, scores_with(tagger, mtt_rock=0.1, msd_rock=0.5)))
    assert tags["rock"].score == pytest.approx(0.3)


def test_only_the_stronger_of_opposing_sides_is_selected(tagger: Tagger) -> None:
    sung = scores_with(tagger, msd_instrumental=0.2, mtt_vocals=0.4, mtt_male_vocal=0.3)
    assert selected(tag_scores(tagger, sung)) == {"vocals", "male vocals"}
    played = scores_with(tagger, msd_instrumental=0.4, mtt_vocals=0.2, mtt_opera=0.2)
    assert selected(tag_scores(tagger, played)) == {"instrumental"}


def test_a_facet_keeps_its_strongest_tags(tagger: Tagger) -> None:
    rules = {rule.tag: rule for rule in tagger.tags if rule.facet == "genre"}
    scores = {rule.tag: 0.0 for rule in tagger.tags}
    scores |= {tag: rules[tag].threshold * (1 + place / 10) for place, tag in enumerate(sorted(rules))}
    assert select(tagger, scores) == set(sorted(rules)[-4:])


def test_a_score_at_the_threshold_is_selected_and_below_it_is_not(tagger: Tagger) -> None:
    scores = {rule.tag: 0.0 for rule in tagger.tags}
    assert select(tagger, scores | {"guitar": 0.25}) == {"guitar"}
    assert select(tagger, scores | {"guitar": 0.2499}) == set()


def test_nothing_is_selected_in_silence_but_scores_stay(tagger: Tagger) -> None:
    tags = tag_scores(tagger, scores_with(tagger, mtt_piano=0.9), silent=True)
    assert selected(tags) == set()
    assert by_tag(tags)["piano"].score == pytest.approx(0.9)


def test_the_rule_is_the_bundles_and_not_the_codes(tagger: Tagger) -> None:
    lenient = replace(
        tagger, selection=replace(tagger.selection, exclusive=(), limits=dict.fromkeys(FACETS, 1))
    )
    scores = scores_with(tagger, mtt_slow=0.5, mtt_fast=0.9, mtt_piano=0.9, mtt_violin=0.5)
    assert selected(tag_scores(lenient, scores)) == {"fast", "piano"}


@pytest.mark.parametrize("shape", [(0, 100), (3, 50), (100,)])
def test_scores_of_another_shape_are_refused(tagger: Tagger, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected scores"):
        tag_scores(tagger, np.zeros(shape, np.float32))
