"""What `gcloud` would say of the calls in the documentation: commands and options that it has.

    python -m tests.deploy.gcloud

takes from an installed Google Cloud SDK what the calls use, and writes tests/deploy/reference/gcloud.json.
"""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REFERENCE = Path(__file__).parent / "reference" / "gcloud.json"
PAGES = (*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "deploy").rglob("*.md")))

_CALL = re.compile(r"^\s*gcloud (?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)

Tree = Mapping[str, Any]


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every call that stands on lines of its own, with its page's name, in words as a shell parts them."""
    for page in PAGES:
        for call in _CALL.findall(page.read_text()):
            yield page.name, shlex.split(call.replace("\\\n", " "), comments=True)


def complaints(words: list[str], reference: Tree) -> list[str]:
    """What is wrong with a call, one sentence each.

    Args:
        words: The call, beginning with ``gcloud``.
        reference: Options of each command, by its words: ``bool`` for one without a value, ``value`` for one
            with any, or all the values that there are.
    """
    command, rest = _command_of(words, reference)
    if command is None:
        return [f"{' '.join(words)}: there is no such command"]
    options = reference[command]
    said = []
    for word in rest:
        name, has_value, value = word.partition("=")
        if not name.startswith("--"):
            continue
        if name not in options:
            said.append(f"{command}: there is no option {name}")
        elif (options[name] == "bool") == bool(has_value):
            said.append(f"{command}: {name} takes {'no value' if has_value else 'a value, as --name=value'}")
        elif isinstance(options[name], list) and value not in options[name]:
            said.append(f"{command}: {name} is one of {', '.join(options[name])}")
    return said


def _command_of(words: list[str], reference: Tree) -> tuple[str | None, list[str]]:
    for count in range(len(words), 1, -1):
        command = " ".join(words[:count])
        if command in reference:
            return command, words[count:]
    return None, words


def installed() -> Tree | None:
    """All commands of the installed SDK with their options; None if there is none."""
    program = shutil.which("gcloud")
    if program is None:
        return None
    table = Path(program).resolve().parents[1] / "data" / "cli" / "gcloud_completions.py"
    if not table.exists():
        return None
    tree = runpy.run_path(str(table))["STATIC_COMPLETION_CLI_TREE"]
    return dict(_flattened("gcloud", tree, {}))


def _flattened(name: str, tree: Tree, inherited: Tree) -> Iterator[tuple[str, Mapping[str, Any]]]:
    options = {**inherited, **{flag: _kind(values) for flag, values in tree.get("flags", {}).items()}}
    below = tree.get("commands", {})
    if not below:
        yield name, options
    for word, branch in below.items():
        yield from _flattened(f"{name} {word}", branch, options)


def _kind(values: Any) -> str | list[str]:
    return "value" if values == "dynamic" else values


def used(commands: Tree) -> Tree:
    """Those commands that the documentation calls."""
    named = {_command_of(words, commands)[0] for _, words in calls()}
    return {name: commands[name] for name in sorted(filter(None, named))}


if __name__ == "__main__":
    commands = installed()
    assert commands is not None, "the Google Cloud SDK is not installed"
    REFERENCE.write_text(json.dumps(used(commands), indent=1, sort_keys=True) + "\n")
