"""The house stays in order: small folders that say what lives there, tests that stand where the code does."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOPS = ("pipelines", "learning", "transforms", "models")
MOST_FILES = 13
MOST_LINES = 300
LONGER_FILES = 5
"""So many files may be longer, each for a reason."""

CODE = sorted(path for top in (*TOPS, "examples") for path in (ROOT / top).rglob("*.py"))
FOLDERS = sorted({path.parent for path in CODE})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_says_what_lives_in_it(folder: Path) -> None:
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    assert docstring and len(docstring) > 40


def test_no_folder_is_too_full() -> None:
    files = Counter(path.parent for path in CODE if path.name != "__init__.py")
    assert {str(folder): count for folder, count in files.items() if count > MOST_FILES} == {}


def test_few_files_are_long() -> None:
    longer = [path for path in CODE if len(path.read_text().splitlines()) > MOST_LINES]
    assert len(longer) <= LONGER_FILES, longer


def test_tests_stand_where_the_code_does() -> None:
    mirrored = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    folders = {path.relative_to(ROOT) for path in FOLDERS}
    own = {Path(), Path("servers"), Path("deploy")}
    assert mirrored - own <= folders


def test_no_two_files_of_tests_have_one_name() -> None:
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == [], "pytest cannot collect them together"


def test_one_import_name() -> None:
    links = {path.name for path in (ROOT / "tonearm").iterdir() if path.is_symlink()}
    assert links == {*TOPS, "model_artifacts"}
    wrong = [path for path in CODE if _imports_by_folder(path)]
    assert wrong == []


def _imports_by_folder(path: Path) -> bool:
    """True if a file imports `pipelines…` and not `tonearm.pipelines…`."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return any(name.split(".")[0] in (*TOPS, "model_artifacts") for name in names)
