"""The whole worked example in a small size: what it writes, and that it learns something."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.instruments.sound.packages import MissingPackagesError, require_packages

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.mark.slow  # renders, builds, trains and judges: five minutes
def test_a_small_example_goes_the_whole_way(tmp_path: Path) -> None:
    try:
        require_packages()
    except MissingPackagesError as error:
        pytest.skip(str(error))
    output = tmp_path / "example-output"
    sizes = ["EXAMPLE_CLIPS=--train 800 --validation 120 --test 24", "EXAMPLE_EPOCHS=6"]

    done = subprocess.run(
        ["make", "example-train", f"EXAMPLE={output}", *sizes],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert "macro ROC-AUC" in done.stdout and "FreePats" in done.stdout
    report = json.loads((output / "report" / "report.json").read_text())
    assert report["overall"]["figures"]["roc_auc"]["value"] > 0.6
    assert {path.name for path in (output / "bundle").iterdir()} >= {
        "bundle.json",
        "README.md",
        "history.jsonl",
    }
    assert (output / "probe" / "report" / "report.json").exists()

    assert_the_whole_way_is_open(tmp_path)


def assert_the_whole_way_is_open(folder: Path) -> None:
    """Run the calls that docs/models.md begins with, behind the one that trains."""
    page = (ROOT / "docs" / "models.md").read_text()
    section = page.partition("## The whole way")[2].partition("\n## ")[0]
    training, *calls = re.findall(r"^    (.+)$", section, re.MULTILINE)
    assert training == "make example-train" and len(calls) > 10
    (folder / "samples").symlink_to(ROOT / "samples")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for call in calls:
        done = subprocess.run(
            call, shell=True, cwd=folder, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, f"{call}: {done.stderr[-2000:]}"
