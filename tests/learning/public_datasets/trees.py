"""Tiny folders of the form that public data sets have on disk, with known faults. The audio is empty."""

from __future__ import annotations

import json
from pathlib import Path

CC_BY = "http://creativecommons.org/licenses/by/3.0/"
CC_BY_ND = "http://creativecommons.org/licenses/by-nd/3.0/"


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def magnatagatune(root: Path) -> Path:
    corrupt = "6/norine_braun-now_and_then-08-crave-117-146.mp3"
    rows = [
        ("2", "1", "0", "f/american_bach-1-0-29.mp3"),
        ("6", "0", "0", "f/american_bach-1-30-59.mp3"),
        ("7", "1", "1", corrupt),
        ("8", "0", "1", ""),
        ("9", "0", "1", "0/gone-0-29.mp3"),
        ("10", "0", "x", "f/american_bach-1-0-29.mp3"),
    ]
    table = '"clip_id"\t"rock"\t"no voice"\t"mp3_path"\n'
    table += "".join("\t".join(f'"{value}"' for value in row) + "\n" for row in rows)
    (root / "annotations_final.csv").write_text(table + '"11"\t"1"\n"12\t"1"\n')
    info = (
        "clip_id\ttrack_number\ttitle\tartist\talbum\turl\tsegmentStart\tsegmentEnd\toriginal_url\tmp3_path\n"
    )
    info += "2\t1\tPrelude\tAmerican Bach\tMass\t\t0\t29\t\tf/american_bach-1-0-29.mp3\n"
    info += "6\t1\tPrelude\tAmerican Bach\tMass\t\t30\t59\t\tf/american_bach-1-30-59.mp3\n"
    (root / "clip_info_final.csv").write_text(info)
    touch(*(root / name for name in (rows[0][3], rows[1][3], corrupt)))
    return root


def mtg_jamendo(root: Path) -> Path:
    header = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\r\n"
    rows = {
        "track_0000382": "artist_000020\talbum_000046\t82/382.mp3\t211.1\tgenre---rock\tgenre---punk",
        "track_0000387": "artist_000021\talbum_000047\t87/387.mp3\t99.0\tgenre---jazz\tinstrument---piano",
        "track_0000400": "artist_000022\talbum_000048\t00/400.mp3\t99.0\tgenre---jazz",
        "track_0000401": "artist_000022\talbum_000048\t01/401.mp3\t99.0\t",
        "track_0000402": "artist_000022\talbum_000048\t82/382.mp3\t99.0\tloud",
    }
    table = header + "".join(f"{track}\t{rest}\r\n" for track, rest in rows.items())
    data = root / "data"
    (data / "splits" / "split-0").mkdir(parents=True)
    (data / "raw_30s_cleantags_50artists.tsv").write_bytes(table.encode())
    (data / "autotagging.tsv").write_text("raw_30s_cleantags_50artists.tsv")
    for split, track in (
        ("train", "track_0000382"),
        ("test", "track_0000387"),
        ("validation", "track_0000400"),
    ):
        text = f"{header}{track}\t{rows[track]}\r\n"
        (data / "splits" / "split-0" / f"autotagging-{split}.tsv").write_bytes(text.encode())
    (root / "audio_licenses.txt").write_text(
        f"82/382.mp3\nA by B from Jamendo: http://www.jamendo.com/track/382\nAvailable under: {CC_BY}\n\n"
        f"87/387.mp3\nC by D from Jamendo: http://www.jamendo.com/track/387\nAvailable under: {CC_BY_ND}\n\n"
    )
    touch(root / "audio-low/82/382.low.mp3", root / "audio-low/87/387.low.mp3")
    return root


def gtzan(root: Path) -> Path:
    folder = root / "Data" / "genres_original"
    touch(folder / "blues/blues.00000.wav", folder / "blues/blues.00001.wav", folder / "jazz/jazz.00054.wav")
    touch(folder / "jazz/jazz.00001.au", folder / "jazz/notes.txt")
    return root


def fma(root: Path) -> Path:
    header = ["set,set,track,track,track,track,artist", "split,subset,genre_top,genres_all,license,title,id"]
    rows = [
        '2,training,small,Hip-Hop,"[21, 83]",Attribution 3.0,"A ""song"", of\ntwo lines",1',
        '3,test,small,,"[21, 10]",Attribution-NonCommercial-NoDerivatives 4.0,B,2',
        '5,training,large,Pop,"[10]",Attribution,C,3',
        '7,training,small,Pop,"[10]",Attribution,C,3',
        '8,training,small,Pop,"[99]",Attribution,C,3',
        '99134,training,small,Pop,"[10]",Attribution,C,3',
        "9,training",
    ]
    # The last two columns are the title and the artist's number.
    text = (
        "".join(f",{line}\n" for line in header) + "track_id,,,,,,,\n" + "".join(f"{row}\n" for row in rows)
    )
    (root / "fma_metadata").mkdir()
    (root / "fma_metadata" / "tracks.csv").write_text(text)
    (root / "fma_metadata" / "genres.csv").write_text(
        "genre_id,#tracks,parent,title,top_level\n"
        "21,9,0,Hip-Hop,21\n83,9,21,Abstract Hip-Hop,21\n10,9,0,Pop,10\n"
    )
    touch(*(root / "fma_small" / "000" / f"{number:06d}.mp3" for number in (2, 3, 8)))
    touch(root / "fma_small" / "099" / "099134.mp3")
    return root


def openmic(root: Path, partitions: tuple[str, str] = ("split01_train.csv", "split01_test.csv")) -> Path:
    folder = root / "openmic-2018"
    (folder / "partitions").mkdir(parents=True)
    (folder / "openmic-2018-aggregated-labels.csv").write_text(
        "sample_key,instrument,relevance,num_responses\n"
        "000046_3840,clarinet,0.17105,3\n"
        "000046_3840,flute,0.9,3\n"
        "000135_483840,drums,0.5,3\n"
        "000135_483840,piano,much,3\n"
        "000139_119040,piano,1.0,3\n"
        "000139_119040\n"
    )
    (folder / "openmic-2018-metadata.csv").write_text(
        "sample_key,start_time,track_id,track_genres,license_title,license_url,artist_id\n"
        f"000046_3840,0,46,\"[{{'genre_title': 'Rock'}}]\",Attribution,{CC_BY},77\n"
        f"000135_483840,0,135,\"[{{'genre_title': 'Rock'}}]\",Attribution-NoDerivatives,{CC_BY_ND},78\n"
    )
    for name, key in zip(partitions, ("000046_3840", "000135_483840"), strict=True):
        (folder / "partitions" / name).write_text(f"{key}\n")
    touch(folder / "audio/000/000046_3840.ogg", folder / "audio/000/000135_483840.ogg")
    return root


def nsynth(root: Path) -> Path:
    for part, instrument in (("train", "bass_synthetic_033"), ("valid", "guitar_acoustic_021")):
        family, source, _ = instrument.split("_")
        note = {
            "note_str": f"{instrument}-022-050",
            "instrument_str": instrument,
            "instrument_family_str": family,
            "instrument_source_str": source,
            "qualities": [0, 1],
            "qualities_str": ["dark"],
            "velocity": 50,
        }
        folder = root / f"nsynth-{part}"
        folder.mkdir()
        broken = {"note_str": "x", "instrument_str": "x", "velocity": 1}
        notes = {note["note_str"]: note, f"{instrument}-gone": note, f"{instrument}-broken": broken}
        (folder / "examples.json").write_text(json.dumps(notes))
        touch(folder / "audio" / f"{note['note_str']}.wav")
    return root


TREES = {each.__name__: each for each in (magnatagatune, mtg_jamendo, gtzan, fma, openmic, nsynth)}
