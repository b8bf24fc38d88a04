"""Which objects a stream takes; one that could match nothing is refused, as it loses messages."""

from __future__ import annotations

import pytest

from tonearm.errors import WrongCallError
from tonearm.transforms.sources.object_filter import ObjectFilter, is_upload_part

URI = "gs://catalog/in/ä b?.flac"


@pytest.mark.parametrize(
    ("prefixes", "suffixes", "taken"),
    [
        ((), (), True),
        (("gs://catalog/in/",), (), True),
        (("gs://other/", "gs://catalog/"), (), True),
        (("gs://catalog/out/",), (), False),
        (("gs://cat/",), (), False),
        ((), (".FLAC",), True),
        ((), ("flac",), True),
        ((), (".mp3", ".ogg"), False),
        (("gs://catalog/in/",), (".mp3",), False),
    ],
)
def test_prefixes_and_suffixes(prefixes: tuple[str, ...], suffixes: tuple[str, ...], taken: bool) -> None:
    assert ObjectFilter(prefixes, suffixes).takes(URI) is taken


@pytest.mark.parametrize(
    ("prefix", "hint"),
    [
        ("in/", "gs://BUCKET/in/"),
        ("/in/", "gs://BUCKET/in/"),
        ("", "gs://BUCKET/in/"),
        ("gs://catalog", "gs://catalog/"),
        ("gs://Catalog/in/", "gs://BUCKET/"),
        ("gs:///in/", "gs://BUCKET/"),
        ("s3://catalog/in/", "gs://BUCKET/"),
        ("gs://catalog/in/**", "say --prefix gs://catalog/in/"),
        ("gs://catalog/in/*.flac", "say --prefix gs://catalog/in/"),
        ("gs://catalog/disc[12]/", "say --prefix gs://catalog/disc"),
        ("gs://catalog/take ?/", "say --prefix gs://catalog/take "),
    ],
)
def test_a_prefix_that_could_match_nothing_is_refused_with_what_to_say(prefix: str, hint: str) -> None:
    with pytest.raises(WrongCallError, match="--prefix") as refused:
        ObjectFilter(prefixes=("gs://catalog/in/", prefix))
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("suffix", "hint"),
    [
        ("*.flac", "say --suffix .flac"),
        ("**/*.flac", "say --suffix .flac"),
        (".fla?", "no wildcards"),
        (".[fm]lac", "say --suffix lac"),
        (".flac,.mp3", "once for each"),
        ("flac|mp3", "once for each"),
        (".flac;.mp3", "once for each"),
        (r"\.flac$", "not"),
        (" .flac", "such as .flac"),
        ("", "such as .flac"),
        ("in/", "such as .flac"),
    ],
)
def test_a_suffix_that_could_match_nothing_is_refused_with_what_to_say(suffix: str, hint: str) -> None:
    with pytest.raises(WrongCallError, match="--suffix") as refused:
        ObjectFilter(suffixes=(suffix,))
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("location", "possible"),
    [
        ("gs://catalog/in/wanted", True),
        ("gs://catalog/in/", True),
        ("gs://catalog/in", True),
        ("gs://catalog", True),
        ("gs://catalog/*/wanted/**", True),
        ("gs://catalog/before/", False),
        ("gs://other/in/", False),
        ("/music", False),
    ],
)
def test_a_sweep_beside_all_prefixes_is_known(location: str, possible: bool) -> None:
    assert ObjectFilter(prefixes=("gs://catalog/in/wanted/",)).can_take_from(location) is possible


def test_files_of_the_tables_are_known_whatever_else_is_wanted() -> None:
    wanted = ObjectFilter(outputs=("gs://catalog/tags", "bigquery://project.dataset", "tags/"))
    assert wanted.is_in_output("gs://catalog/tags/runs/run.parquet")
    assert not wanted.is_in_output("gs://catalog/tags.flac")
    assert not ObjectFilter().is_in_output("gs://catalog/tags/runs/run.parquet")


@pytest.mark.parametrize(
    "name",
    [
        "gcloud/tmp/parallel_composite_uploads/see_gcloud_storage_cp_help_for_details/2f_ab_a.flac_0",
        "123/gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/abcdef_3",
        "/gsutil/tmp/parallel_composite_uploads/for_details_see/gsutil_help_cp/abcdef_3",
        "in/gcloud/tmp/parallel_composite_uploads/x_0",
    ],
)
def test_parts_of_composite_uploads_are_known_by_their_documented_names(name: str) -> None:
    assert is_upload_part(f"gs://catalog/{name}")


@pytest.mark.parametrize(
    "uri",
    [
        "gs://catalog/in/a.flac",
        "gs://catalog/tmp/parallel_composite_uploads/a.flac",
        "gs://catalog/gcloud/tmp/a.flac",
        "s3://catalog/gcloud/tmp/parallel_composite_uploads/a.flac",
        "/music/gcloud/tmp/parallel_composite_uploads/a.flac",
    ],
)
def test_other_objects_are_no_parts(uri: str) -> None:
    assert not is_upload_part(uri)
