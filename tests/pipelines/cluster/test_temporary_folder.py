"""A job on a cluster leaves nothing in the temporary folder, whether the cluster took it or not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog import start_tonearm

NO_PRISM = ("PrismRunner", "--prism_location", "/nowhere")
EMBEDDED = ("PortableRunner", "--job_endpoint", "embed", "--environment_type", "LOOPBACK")


SUBMITTING = """
import atexit, tempfile
from pathlib import Path
from tonearm.pipelines.cluster.temporary_folder import own_temporary_folder

def stop(folder):
    Path(folder).rmdir()
    print("stopped")

with own_temporary_folder():
    Path(tempfile.mkdtemp(), "pickled_main_session").write_text("staged")
    atexit.register(stop, tempfile.mkdtemp(prefix="beam-temp"))
print(tempfile.gettempdir())
"""
"""What Beam does: it leaves what it staged, and a job server of its clears up at the process's end."""


def test_what_is_staged_goes_after_beam_has_cleared_up(temporary_folder: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", SUBMITTING], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == (f"{temporary_folder}\nstopped\n", "")
    assert list(temporary_folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("runner", "code"), [(NO_PRISM, 1), (EMBEDDED, 0)])
def test_nothing_stays_when_the_command_has_ended(
    songs: Path, output: Path, temporary_folder: Path, runner: tuple[str, ...], code: int
) -> None:
    command = start_tonearm("ingest", songs, "--output", output, "--runner", *runner)
    said, _ = command.communicate()
    assert command.returncode == code, said
    assert list(temporary_folder.iterdir()) == []
