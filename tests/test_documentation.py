"""The documentation leads somewhere: links, headings, files and options that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tonearm.pipelines.commands.command_line import command_line
from tonearm.pipelines.runs.beam_options import names_of_beams_options

ROOT = Path(__file__).parent.parent
TOPS = (
    "benchmarks",
    "deploy",
    "docs",
    "learning",
    "model_artifacts",
    "models",
    "pipelines",
    "samples",
    "tests",
    "transforms",
)
PAGES = sorted([*ROOT.glob("*.md"), *(page for top in TOPS for page in (ROOT / top).rglob("*.md"))])

LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|md|toml|lock|json|csv))`")
COMMANDS = command_line()[1]
ON_BEAM = ("ingest", "retry", "spectrograms", "dataset build")
CALL = re.compile(rf"(tonearm (dataset \w+|{'|'.join(COMMANDS)})\b[^`\n]*(?:\\\n[^`\n]*)*)")
OPTION = re.compile(r"(?<![\w-])--[a-z]\w+")
FLINKS_OPTIONS = {"--checkpointing_interval", "--savepoint_path"}
"""Options that Flink's job server knows, and Beam's Python does not."""

EXAMPLES = {"transforms/storage/azure.py", "delta/kind.py"}
"""Files that somebody may add: how to add a storage scheme or a table format."""


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link can lead to on a page, as it is made of the page's headings."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    if "://" in link:
        return True
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    assert [link for link in LINK.findall(without_code(text)) if not leads_somewhere(page, link)] == []
    named = set(NAMED_FILE.findall(text)) - EXAMPLES
    assert {
        name for name in named if not any((base / name).exists() for base in (ROOT, page.parent))
    } == set()


def test_options_in_the_documentation_are_those_of_the_command() -> None:
    (actions,) = [each.choices for each in COMMANDS["dataset"]._actions if each.dest == "action"]
    parsers = {**COMMANDS, **{f"dataset {name}": action for name, action in actions.items()}}
    beams = names_of_beams_options() | FLINKS_OPTIONS
    found = set()
    for page in PAGES:
        for call, name in CALL.findall(page.read_text()):
            if options := set(OPTION.findall(call)):
                known = parsers[name]._option_string_actions.keys() | (beams if name in ON_BEAM else set())
                assert options - known == set(), f"{page.name}: {call}"
                found |= options
    assert {"--catch_up", "--changed", "--why"} <= found
