"""What every storage scheme promises, on a disk and on real servers."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator

import pytest

from tests.transforms.storage.stores import Store
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage import objects
from tonearm.transforms.storage.contract import Contents, StorageError, StoredObject
from tonearm.transforms.storage.objects import (
    delete,
    delete_folder,
    files_below,
    move,
    opened_object,
    read_object,
    write_if_absent,
    write_if_unchanged,
    write_object,
)
from tonearm.transforms.storage.schemes import is_local, list_objects, look_up, scheme_of, storage_of

ODD_NAMES = [
    "Album [2020]/a*b.mp3",
    "what?.mp3",
    "100% #1.mp3",
    "{a,b}.mp3",
    " space .mp3 ",
    "new\nline.mp3",
    "cafe\u0301.mp3",
    "caf\u00e9.mp3",
]


def listed(location: str) -> list[str]:
    found = list(list_objects(location))
    assert all(isinstance(each, StoredObject) for each in found), found
    return [each.uri for each in found if isinstance(each, StoredObject)]


def read(uri: str) -> bytes:
    return b"".join(storage_of(uri).read(look_up(uri)))


def test_a_name_is_listed_looked_up_and_read_as_it_is_written(store: Store) -> None:
    names = [name for name in ODD_NAMES if not (store.root.startswith("s3:") and "\n" in name)]  # moto: 404
    store.fill(*names)
    assert sorted(listed(store.root)) == sorted(store.at(name) for name in names)
    for name in names:
        assert listed(store.at(name)) == [store.at(name)]
        assert read(store.at(name)) == name.encode()


def test_a_folder_is_not_its_neighbour_and_may_look_like_a_glob(store: Store) -> None:
    store.fill("m/a.mp3", "m/deep/b.mp3", "m_old/c.mp3", "m.mp3", "x[1]/d.mp3", "x1/e.mp3")
    inside = [store.at("m/a.mp3"), store.at("m/deep/b.mp3")]
    assert listed(store.at("m")) == listed(store.at("m/")) == inside
    assert listed(store.at("x[1]")) == listed(store.at("x[1]/")) == [store.at("x[1]/d.mp3")]
    assert listed(store.at("x[1]/*.mp3")) == [store.at("x1/e.mp3")]
    assert listed(store.at("nothing")) == listed(store.at("nothing/*.mp3")) == []


def test_a_glob_means_the_same_everywhere(store: Store) -> None:
    store.fill("in/a.flac", "in/deep/b.flac", "in/deep/er/c.flac", "in/d.mp3", "out/e.flac")
    assert listed(store.at("in/*.flac")) == [store.at("in/a.flac")]
    assert listed(store.at("in/**/*.flac")) == [
        store.at(name) for name in ("in/a.flac", "in/deep/b.flac", "in/deep/er/c.flac")
    ]
    assert listed(store.at("*/deep/?.flac")) == [store.at("in/deep/b.flac")]
    assert listed(store.at("[!i]*/*")) == [store.at("out/e.flac")]


def test_an_object_is_read_at_the_generation_that_was_seen(store: Store) -> None:
    store.put("a", b"first", None)
    found = look_up(store.at("a"))
    store.put("a", b"second", None)
    assert look_up(store.at("a")).generation != found.generation
    for asked in (storage_of(found.uri).read(found), _ranged(found)):
        with pytest.raises(StorageError) as refused:
            list(asked)
        assert refused.value.word is ErrorWord.CHANGED


def _ranged(found: StoredObject) -> Iterator[bytes]:
    yield storage_of(found.uri).read_range(found, 0, 3)


@pytest.mark.parametrize("name", ["-", "B_", ".", "a b"])
def test_a_name_that_no_bucket_can_have_is_not_found(store: Store, name: str) -> None:
    if is_local(store.at("a")):
        pytest.skip("a disk has no buckets")
    location = f"{scheme_of(store.at('a'))}://{name}/a.mp3"
    for ask in (look_up, lambda uri: list(list_objects(uri))):
        with pytest.raises(StorageError) as refused:
            ask(location)
        assert refused.value.word is ErrorWord.NOT_FOUND


def test_what_is_not_there_is_not_found(store: Store) -> None:
    storage = storage_of(store.root)
    for asked in (storage.look_up, storage.read_whole):
        with pytest.raises(StorageError) as refused:
            asked(store.at("nothing"))
        assert refused.value.word is ErrorWord.NOT_FOUND
    assert read_object(store.at("nothing")) is None
    assert files_below(store.at("nothing")) == []


def test_what_is_stored_compressed_is_read_as_what_it_stands_for(store: Store) -> None:
    sound = bytes(range(256)) * 100_000  # more than a piece when it is decompressed
    stored = gzip.compress(sound[:1000]) + gzip.compress(sound[1000:])
    store.put("a.wav", stored, "gzip")
    store.put("not.wav", b"RIFF", "gzip")
    store.put("cut.wav", stored[:-9], "gzip")
    assert read(store.at("a.wav")) == sound
    assert read(store.at("not.wav")) == b"RIFF"
    with pytest.raises(StorageError, match="cut off"):
        read(store.at("cut.wav"))
    assert look_up(store.at("a.wav")).size_bytes == len(stored)


@pytest.mark.parametrize("folder", ["out [v2]", "out*", "out{a}", "out?", "plain"])
def test_a_folder_of_tables_is_literal(store: Store, folder: str) -> None:
    store.fill("outer/neighbour.parquet", "out v/neighbour.parquet", "outa/neighbour.parquet")
    root = store.at(folder)
    write_object(f"{root}/staging/a.parquet", b"a")
    write_object(f"{root}/staging/a.parquet", b"b")
    assert files_below(root) == [f"{root}/staging/a.parquet"]
    move(f"{root}/staging/a.parquet", f"{root}/t/a.parquet")
    move(f"{root}/staging/a.parquet", f"{root}/t/a.parquet")
    assert files_below(root, ".parquet") == [f"{root}/t/a.parquet"]
    assert files_below(root, ".json") == []
    with opened_object(f"{root}/t/a.parquet") as file:
        assert file.read() == b"b"
    delete([f"{root}/t/a.parquet", f"{root}/t/nothing"])
    assert files_below(root) == []
    write_object(f"{root}/t/b", b"b")
    delete_folder(f"{root}/t")
    delete_folder(f"{root}/t")
    assert files_below(root) == []
    assert len(listed(store.root)) == 3


def test_a_large_object_is_opened_at_any_place(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PIECE_BYTES", 1000)
    content = bytes(2500) + b"end"
    store.put("a", content, None)
    with opened_object(store.at("a")) as file:
        file.seek(-3, 2)
        assert file.read() == b"end"
        file.seek(0)
        assert file.read() == content


def test_a_conditional_write_succeeds_only_on_what_was_seen(store: Store) -> None:
    place = store.at("owner [1]/run.json")
    first = write_if_absent(place, b"run 1")
    assert first is not None
    assert write_if_absent(place, b"run 2") is None
    assert read_object(place) == first == Contents(b"run 1", first.generation)
    second = write_if_unchanged(place, b"run 1, beat 2", first)
    assert second is not None
    assert write_if_unchanged(place, b"run 3", first) is None
    assert read_object(place) == second
    delete([place])
    assert write_if_unchanged(place, b"run 1, beat 3", second) is None
    assert write_if_absent(place, b"run 4") is not None


def test_a_write_whose_answer_was_lost_is_known_for_ours(store: Store) -> None:
    place = store.at("run.json")
    first = write_if_absent(place, b"run 1")
    assert first is not None
    assert write_if_absent(place, b"run 1") == first
    second = write_if_unchanged(place, b"run 1, beat 2", first)
    assert write_if_unchanged(place, b"run 1, beat 2", first) == second


@pytest.mark.parametrize("there_is_one", [False, True])
def test_of_many_who_write_at_one_moment_one_succeeds(store: Store, there_is_one: bool) -> None:
    place = store.at("run.json")
    seen = write_if_absent(place, b"run 0") if there_is_one else None
    together, written = threading.Barrier(8), []

    def write(name: str) -> None:
        content = name.encode()
        together.wait()
        done = write_if_unchanged(place, content, seen) if seen else write_if_absent(place, content)
        if done:
            written.append(done)

    threads = [threading.Thread(target=write, args=(f"run {number} of many",)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 1
    assert read_object(place) == written[0]
