"""The original musicnn as a peer: an environment of its own, set up once, and a run over files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import soundfile as sf

_ENVIRONMENT = Path(".venv-original")
_LOCK = Path(__file__).parent / "original-requirements.lock"
_SCRIPT = Path(__file__).parent / "original_musicnn.py"


def set_up() -> None:
    """Make the environment: TensorFlow has no place in the product's."""
    if (_ENVIRONMENT / "ready").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", _ENVIRONMENT], check=True)
    uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--python"]
    subprocess.run([*uv, _python(), "--requirement", _LOCK, "--no-deps"], check=True)
    (_ENVIRONMENT / "ready").touch()


def can_read(path: Path) -> bool:
    """True if its loader, which is libsndfile, opens a file; M4A it does not."""
    try:
        return bool(sf.info(path).frames)
    except sf.LibsndfileError:
        return False


def seconds(paths: Sequence[Path], cores: set[int], batch: int) -> float:
    """Seconds that the original takes over files, loaded and warm.

    Args:
        paths: Audio files.
        cores: Cores that it may use.
        batch: Patches a call; its own default is 1.
    """
    command = [str(_python()), str(_SCRIPT), str(len(cores)), str(batch), *map(str, paths)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command,
        env=quiet,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def _python() -> Path:
    return (_ENVIRONMENT / "bin" / "python").absolute()
