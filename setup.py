"""Entry for Beam's ``--setup_file``; all else is declared in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup

# Some tools unpack a link as a small text file: a package made of those would lack all modules.
lost = sorted(path.name for path in Path("tonearm").iterdir() if not path.suffix and not path.is_dir())
if lost:
    commands = " && ".join(f"ln -sfn ../{name} tonearm/{name}" for name in lost)
    raise SystemExit(
        f"tonearm/ holds text files where links belong: {', '.join(lost)}. Clone with git, unpack with a "
        f"tool that keeps links, or make them anew: {commands}"
    )

# What an earlier build left would go into the package beside today's modules.
shutil.rmtree("build/lib", ignore_errors=True)

setup()
