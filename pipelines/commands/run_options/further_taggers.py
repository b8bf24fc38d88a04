"""Options of ``tonearm ingest`` for a second tagger: a shadow, only looked at, or a canary on a share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tonearm.errors import WrongCallError
from tonearm.pipelines.commands.option_types import percentage
from tonearm.pipelines.runs.defaults import CANARY_SHARE

if TYPE_CHECKING:
    from tonearm.transforms.elements.further_taggers import Canary, Shadow


def add_further_tagger_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    further = parser.add_argument_group("a second tagger beside --tagger, with the same front end")
    further.add_argument(
        "--shadow",
        metavar="BUNDLE",
        help="tag every track with this one too, for the table shadow_tags, which `tonearm compare` reads",
    )
    further.add_argument(
        "--canary",
        metavar="BUNDLE",
        help="tag a share of the tracks with this one in place of --tagger, the same ones at each run",
    )
    further.add_argument(
        "--canary_share",
        metavar="SHARE",
        type=percentage,
        default=CANARY_SHARE,
        help=f"how many of the tracks (default: {CANARY_SHARE:.0%}%)",
    )


def further_taggers_of(known: argparse.Namespace) -> tuple[Shadow | None, Canary | None]:
    """The further taggers that a command line asks for, their bundles not looked at yet.

    Raises:
        WrongCallError: The options cannot be as given.
    """
    from tonearm.transforms.elements.further_taggers import Canary, Shadow

    if known.shadow and known.canary:
        raise WrongCallError(
            "--shadow tags all tracks with a second tagger where nobody reads it, and --canary some of them "
            "where everybody does: give one of the two"
        )
    if "--canary_share" in known.given and not known.canary:
        raise WrongCallError("--canary_share is for --canary BUNDLE: name the bundle")
    if known.retag_on_promotion and (known.shadow or known.canary):
        raise WrongCallError("--retag_on_promotion is for streams without --shadow and --canary")
    shadow = Shadow(known.shadow) if known.shadow else None
    return shadow, Canary(known.canary, share=known.canary_share) if known.canary else None
