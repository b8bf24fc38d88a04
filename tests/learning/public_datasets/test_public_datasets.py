"""Public data sets, imported from tiny folders of their form: labels, groups, splits, consent, faults."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog import tonearm
from tests.learning.public_datasets import trees
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import LabelledTrack, Split
from tonearm.learning.public_datasets.contract import PublicDatasetError
from tonearm.learning.public_datasets.registry import PUBLIC_DATASETS, Import, read_public_dataset


def found(name: str, root: Path) -> Import:
    return read_public_dataset(PUBLIC_DATASETS[name], root)


def by_id(name: str, root: Path) -> dict[str, LabelledTrack]:
    return {track.track_id: track for track in found(name, root).tracks}


def left_out(name: str, root: Path) -> dict[str, str]:
    return {remark.track_id: remark.text for remark in found(name, root).remarks if remark.track_id}


def test_magnatagatune(tmp_path: Path) -> None:
    tracks = by_id("magnatagatune", trees.magnatagatune(tmp_path))
    assert tracks.keys() == {"2", "6"}
    assert tracks["2"].labels.values == {"rock": 1, "*": -1}
    assert tracks["6"].labels.values == {"*": -1}
    assert {track.group for track in tracks.values()} == {"American Bach"}
    assert {(track.split, track.training_opt_in) for track in tracks.values()} == {(None, True)}
    told = left_out("magnatagatune", tmp_path)
    assert "empty or corrupt" in told["7"]
    assert told["8"] == "it names no audio"
    assert "no audio 0/gone-0-29.mp3" in told["9"]
    assert "neither 0 nor 1" in told["10"]
    assert "2 columns" in told["11"]
    assert [remark.row for remark in found("magnatagatune", tmp_path).remarks if not remark.track_id] == [9]


def test_a_column_that_is_no_tag_is_told_and_not_learned(tmp_path: Path) -> None:
    trees.magnatagatune(tmp_path)
    path = tmp_path / "annotations_final.csv"
    path.write_text(
        "\n".join(line + '\t"7.5"' for line in path.read_text().splitlines()).replace("7.5", "bpm", 1)
    )
    assert by_id("magnatagatune", tmp_path)["2"].labels.values == {"rock": 1, "*": -1}
    assert any("'bpm' is no tag" in remark.text for remark in found("magnatagatune", tmp_path).remarks)


def test_a_clip_without_an_artist_is_told(tmp_path: Path) -> None:
    path = trees.magnatagatune(tmp_path) / "clip_info_final.csv"
    path.write_text("".join(line for line in path.open() if not line.startswith("6")))
    assert by_id("magnatagatune", tmp_path)["6"].group == ""
    assert any("clip 6 has no artist" in remark.text for remark in found("magnatagatune", tmp_path).remarks)


def test_a_path_that_leads_out_of_the_folder_is_no_audio(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    trees.magnatagatune(root)
    trees.touch(tmp_path / "secret.mp3")
    path = root / "annotations_final.csv"
    path.write_text(path.read_text().replace("0/gone-0-29.mp3", "../secret.mp3"))
    assert "no audio ../secret.mp3" in left_out("magnatagatune", root)["9"]


def test_mtg_jamendo(tmp_path: Path) -> None:
    tracks = by_id("mtg_jamendo", trees.mtg_jamendo(tmp_path))
    assert tracks.keys() == {"track_0000382", "track_0000387"}
    rock, jazz = tracks.values()
    assert rock.uri.endswith("audio-low/82/382.low.mp3")
    told = [rock.labels.value_of(tag) for tag in ("genre---punk", "genre---jazz", "instrument---piano")]
    assert told == [1, -1, 0]
    assert (rock.group, rock.split, rock.training_opt_in) == ("artist_000020", Split.TRAIN, True)
    assert (jazz.split, jazz.training_opt_in, jazz.licence) == (Split.TEST, False, trees.CC_BY_ND)
    told_of = left_out("mtg_jamendo", tmp_path)
    assert told_of.keys() == {"track_0000400", "track_0000401", "track_0000402"}


def test_a_track_of_jamendo_without_a_licence_has_no_consent(tmp_path: Path) -> None:
    trees.mtg_jamendo(tmp_path)
    (tmp_path / "audio_licenses.txt").unlink()
    imported = found("mtg_jamendo", tmp_path)
    assert not any(track.training_opt_in for track in imported.tracks)
    assert any("no consent" in remark.text for remark in imported.remarks)


def test_gtzan(tmp_path: Path) -> None:
    tracks = by_id("gtzan", trees.gtzan(tmp_path))
    assert tracks.keys() == {"blues.00000", "blues.00001", "jazz.00001"}
    assert tracks["blues.00000"].labels.values == {"blues": 1, "*": -1}
    assert {(track.group, track.split, track.training_opt_in) for track in tracks.values()} == {
        ("", None, False)
    }
    assert left_out("gtzan", tmp_path).keys() == {"jazz.00054"}


def test_the_fault_filtered_lists_of_gtzan_are_its_split(tmp_path: Path) -> None:
    trees.gtzan(tmp_path)
    (tmp_path / "train_filtered.txt").write_text("blues/blues.00001.wav\n")
    (tmp_path / "test_filtered.txt").write_text("jazz.00001\n")
    splits = {track_id: track.split for track_id, track in by_id("gtzan", tmp_path).items()}
    assert splits == {"blues.00001": Split.TRAIN, "jazz.00001": Split.TEST}
    assert "fault-filtered" in left_out("gtzan", tmp_path)["blues.00000"]


def test_fma(tmp_path: Path) -> None:
    tracks = by_id("fma", trees.fma(tmp_path))
    assert tracks.keys() == {"2", "3"}
    assert tracks["2"].labels.values == {"Abstract Hip-Hop": 1, "Hip-Hop": 1, "Pop": -1}
    assert tracks["3"].labels.values == {"Hip-Hop": 1, "Pop": 1}
    assert (tracks["2"].group, tracks["2"].split, tracks["2"].training_opt_in) == ("1", Split.TRAIN, True)
    assert (tracks["3"].split, tracks["3"].training_opt_in) == (Split.TEST, False)
    told = left_out("fma", tmp_path)
    assert "no audio 000/000007.mp3" in told["7"]
    assert "99 is not in genres.csv" in told["8"]
    assert "hold no audio" in told["99134"]
    texts = [remark.text for remark in found("fma", tmp_path).remarks]
    assert "it is no whole row of a track" in texts
    assert "1 tracks are of subsets" in texts[-1]


def test_a_quotation_mark_that_swallows_rows_of_fma_is_told(tmp_path: Path) -> None:
    path = trees.fma(tmp_path) / "fma_metadata" / "tracks.csv"
    path.write_text(path.read_text() + '10,"training\n11,test\n12,test\n')
    texts = [remark.text for remark in found("fma", tmp_path).remarks]
    assert any("it takes 3 lines, as a quotation mark may" in text for text in texts), texts


@pytest.mark.parametrize(
    "partitions", [("split01_train.csv", "split01_test.csv"), ("train01.txt", "test01.txt")]
)
def test_openmic_knows_nothing_of_what_nobody_was_asked(partitions: tuple[str, str], tmp_path: Path) -> None:
    tracks = by_id("openmic", trees.openmic(tmp_path, partitions))
    first, second = tracks["000046_3840"], tracks["000135_483840"]
    assert first.labels.values == {"clarinet": -1, "flute": 1}
    assert first.labels.value_of("piano") == 0
    assert second.labels.values == {"drums": 0}
    assert (first.group, first.split, first.training_opt_in) == ("77", Split.TRAIN, True)
    assert (second.group, second.split, second.training_opt_in) == ("78", Split.TEST, False)
    rows = {remark.row: remark.text for remark in found("openmic", tmp_path).remarks}
    assert rows.keys() == {5, 6, 7}
    assert "'much' is not 0 to 1" in rows[5]


def test_what_openmic_says_twice_and_otherwise_is_unknown(tmp_path: Path) -> None:
    folder = trees.openmic(tmp_path) / "openmic-2018"
    with (folder / "openmic-2018-aggregated-labels.csv").open("a") as table:
        table.write("000046_3840,flute,0.1,3\n")
    with (folder / "partitions" / "split01_test.csv").open("a") as partition:
        partition.write("000046_3840\n")
    track = by_id("openmic", tmp_path)["000046_3840"]
    assert track.labels.values == {"clarinet": -1, "flute": 0}
    assert track.split is None
    texts = [remark.text for remark in found("openmic", tmp_path).remarks]
    assert any("in both parts" in text for text in texts)
    assert any("another thing of flute" in text for text in texts)


def test_nsynth(tmp_path: Path) -> None:
    tracks = by_id("nsynth", trees.nsynth(tmp_path))
    assert tracks.keys() == {"bass_synthetic_033-022-050", "guitar_acoustic_021-022-050"}
    bass = tracks["bass_synthetic_033-022-050"]
    assert bass.labels.values == {"bass": 1, "synthetic": 1, "dark": 1, "*": -1}
    assert (bass.group, bass.split, bass.training_opt_in) == ("bass_synthetic_033", Split.TRAIN, True)
    assert len(left_out("nsynth", tmp_path)) == 4


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", trees.TREES)
def test_the_command_writes_what_was_read(
    name: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, manifest = tmp_path / "set", tmp_path / f"labelled.{ending}"
    root.mkdir()
    trees.TREES[name](root)
    assert tonearm("dataset", "import", name, root, "--output", manifest, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    rows = list(read_labelled(str(manifest)))
    imported = found(name, root)
    assert [row.track_id for row in rows] == [track.track_id for track in imported.tracks]
    assert (report["tracks"], len(report["remarks"])) == (len(rows), len(imported.remarks))
    assert report["citation"] and report["licence"]
    assert tonearm("dataset", "import", name, root, "--output", manifest) == 0
    assert f"{len(rows)} tracks of" in capsys.readouterr().out


@pytest.mark.parametrize("name", trees.TREES)
def test_any_table_that_is_missing_or_broken_is_an_error_or_a_remark(name: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    trees.TREES[name](whole)
    endings = {".csv", ".tsv", ".json", ".txt"}
    for table in sorted(path for path in whole.rglob("*") if path.suffix in endings):
        for content in (None, b"", b'\xff\xfe\x00\n\x80,\t"\n', b"{}", b"a,b\n1,2\n", b"a\tb\n1\t2\n"):
            copy = tmp_path / "copy"
            shutil.copytree(whole, copy)
            path = copy / table.relative_to(whole)
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            try:
                found(name, copy)
            except PublicDatasetError as error:
                assert str(copy) in str(error)
            shutil.rmtree(copy)


@pytest.mark.parametrize("name", trees.TREES)
def test_a_folder_that_is_not_the_data_set_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "labelled.csv"
    assert tonearm("dataset", "import", name, tmp_path, "--output", manifest) == 2
    assert "holds no" in capsys.readouterr().err
    assert tonearm("dataset", "import", name, tmp_path / "gone", "--output", manifest) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not manifest.exists()


OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from tonearm.pipelines.main import run
for name in sys.argv[2:]:
    root = f"{sys.argv[1]}/{name}"
    assert run(["dataset", "import", name, root, "--output", f"{root}.csv"]) == 0
print(*[path for path in opened if path.endswith((".mp3", ".wav", ".ogg", ".au"))], file=sys.stderr)
"""


def test_no_audio_is_opened(tmp_path: Path) -> None:
    for name, tree in trees.TREES.items():
        (tmp_path / name).mkdir()
        tree(tmp_path / name)
    command = [sys.executable, "-c", OPENED, str(tmp_path), *trees.TREES]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr.strip() == ""
