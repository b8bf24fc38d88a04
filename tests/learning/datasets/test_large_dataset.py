"""A data set larger than the memory that may be had is read all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.learning.datasets.small_dataset import noise_track, write_small_dataset
from tonearm.learning.labelled.track import Split

MEGABYTES_ALLOWED = 100
SHARDS, TRACKS_OF_SHARD = 14, 32

READ = f"""
import resource, sys
from pathlib import Path
from tonearm.learning.datasets.reading import open_dataset, read_shard
from tonearm.learning.labelled.track import Split

dataset = open_dataset(sys.argv[1], [Split.TRAIN])
list(read_shard(dataset.shards(Split.TRAIN)[0]))  # libraries are loaded, threads are there
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + ({MEGABYTES_ALLOWED} << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
bytes_read = sum(
    track.patches.nbytes for shard in dataset.shards(Split.TRAIN) for track in read_shard(shard)
)
print(bytes_read >> 20)
try:
    bytearray(4 * {MEGABYTES_ALLOWED} << 20)
except MemoryError:
    print("no more memory may be had")
"""


@pytest.mark.slow
def test_a_data_set_larger_than_memory_is_read(tmp_path: Path) -> None:
    shards = (
        [
            noise_track(shard * TRACKS_OF_SHARD + number, (1, 0), patches=8192)
            for number in range(TRACKS_OF_SHARD)
        ]
        for shard in range(SHARDS)
    )
    write_small_dataset(
        tmp_path, {Split.TRAIN: shards}, ("bass", "drums")
    )  # a track's patches have a MiB or more
    read = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], check=True, capture_output=True, text=True
    )
    megabytes, refused = read.stdout.splitlines()
    assert int(megabytes) >= SHARDS * TRACKS_OF_SHARD > 4 * MEGABYTES_ALLOWED
    assert refused == "no more memory may be had"
