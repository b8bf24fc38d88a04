"""A whole run on a GPU, where there is one, gives the tables that a run on the CPU gives."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.catalog import start_tonearm, table

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")

TOLERANCES = {"float32": 1e-5, "bf16": 2e-3}
"""Of a track's score. On a GPU ``bf16`` is float16."""


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_samples_on_the_gpu_get_the_tables_of_the_cpu(
    samples: Path, tmp_path: Path, precision: str
) -> None:
    _ingest(samples, tmp_path / "cpu", "float32", CUDA_VISIBLE_DEVICES="")
    said = _ingest(samples, tmp_path / "gpu", precision)
    assert "The GPU cannot be used" not in said
    for name, column in (("track_tags", "scores"), ("segments", "scores"), ("embeddings", "vector")):
        on_cpu, on_gpu = (_rows(tmp_path / device, name) for device in ("cpu", "gpu"))
        assert on_cpu.keys() == on_gpu.keys()
        tolerance = TOLERANCES[precision] * (10 if column == "vector" else 1)
        for key, row in on_cpu.items():
            np.testing.assert_allclose(on_gpu[key][column], row[column], rtol=0, atol=tolerance)
    if precision == "float32":
        on_cpu, on_gpu = (_rows(tmp_path / device, "track_tags") for device in ("cpu", "gpu"))
        assert {key: _selected(row) for key, row in on_cpu.items()} == {
            key: _selected(row) for key, row in on_gpu.items()
        }


def _ingest(manifest: Path, output: Path, precision: str, **environment: str) -> str:
    process = start_tonearm("ingest", manifest, "--output", output, "--precision", precision, **environment)
    try:
        said, _ = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, said
    return said


def _rows(output: Path, name: str) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["track_id"], row.get("segment_index", 0)): row for row in table(output, name)}


def _selected(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(tag["facet"], tag["tag"]) for tag in row["tags"] if tag["selected"]]
