"""What a command loads: without anything to tag it does not wait for the libraries of the networks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog import counts, tonearm

SLOW_LIBRARIES = ("torch", "torchaudio", "scipy", "openvino")

LOADED_BY = """
import sys
from tonearm.pipelines.main import run
code = run({arguments!r})
loaded = [name for name in {libraries!r} if sys.modules.get(name)]
print("loaded:", *loaded, file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*arguments: str | Path) -> list[str]:
    """Run the command in a process of its own; returns which of the slow libraries it loaded."""
    program = LOADED_BY.format(arguments=list(map(str, arguments)), libraries=SLOW_LIBRARIES)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("loaded:")]
    return line.removeprefix("loaded:").split()


@pytest.fixture(scope="module")
def tagged(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of all songs."""
    output = tmp_path_factory.mktemp("tagged") / "tables"
    assert tonearm("ingest", songs, "--output", output) == 0
    return output


def test_a_run_with_nothing_to_do_waits_for_no_network(songs: Path, tagged: Path) -> None:
    assert loaded_by("ingest", songs, "--output", tagged) == []
    assert counts(tagged) == (4, 0, 4, 0)


def test_showing_tables_waits_for_no_network(tagged: Path) -> None:
    assert loaded_by("show", tagged) == []


def test_a_track_loads_what_it_takes(songs: Path, output: Path) -> None:
    """Or the two tests above would pass because the names are wrong."""
    assert {"torch", "torchaudio", "scipy", "openvino"} <= set(loaded_by("ingest", songs, "--output", output))
