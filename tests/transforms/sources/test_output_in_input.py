"""Tables that lie in an input are no tracks."""

from __future__ import annotations

from pathlib import Path

from tests.transforms.storage.stores import Store
from tonearm.transforms.elements.arrival import track_of
from tonearm.transforms.sources.listing import arrivals_at


def names(store: Store, location: str, *outputs: str) -> list[str]:
    listed = arrivals_at(store.at(location).rstrip("/"), [store.at(output) for output in outputs])
    return [track_of(each).uri.removeprefix(f"{store.root}/") for each in listed]


def test_an_output_below_the_input_is_left_out_whole(store: Store) -> None:
    store.fill("in/a.mp3", "in/out/track_tags/b.parquet", "in/out/_staging/c.parquet", "in/out2/d.mp3")
    assert names(store, "in", "in/out/") == names(store, "", "in/out") == ["in/a.mp3", "in/out2/d.mp3"]
    assert names(store, "in/**", "in/out") == ["in/a.mp3", "in/out2/d.mp3"]
    assert len(names(store, "in")) == 4


def test_of_an_output_that_is_or_holds_the_input_the_tables_are_left_out(store: Store) -> None:
    store.fill("t/a.mp3", "t/runs.mp3", "t/runs/b.parquet", "t/_commits/c.json", "t/in/runs/d.mp3")
    assert names(store, "t", "t") == ["t/a.mp3", "t/in/runs/d.mp3", "t/runs.mp3"]
    assert names(store, "t/in", "t") == ["t/in/runs/d.mp3"]
    assert len(names(store, "t", "t2", "bigquery://p.d")) == 5


def test_a_link_to_the_output_is_no_way_to_its_tables(tmp_path: Path) -> None:
    for name in ("music/a.mp3", "tags/runs/b.parquet"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "music/tags").symlink_to(tmp_path / "tags")
    listed = arrivals_at(str(tmp_path / "music"), [str(tmp_path / "tags")])
    assert [track_of(each).uri for each in listed] == [str(tmp_path / "music/a.mp3")]
