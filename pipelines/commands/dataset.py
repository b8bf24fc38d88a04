"""``tonearm dataset``: labelled tracks for training; its actions have a file each."""

from __future__ import annotations

from typing import Any

from tonearm.pipelines.commands.dataset_actions import build, check, import_public, withdraw

_ACTIONS = (import_public, check, build, withdraw)


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "dataset", help="labelled tracks for training", description="Labelled tracks for training."
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for action in _ACTIONS:
        action.add_to(actions)
