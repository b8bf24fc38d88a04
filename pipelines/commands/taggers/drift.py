"""``tonearm drift``: days on which a tagger says something else than on the days before."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from tonearm.errors import TonearmError, WrongCallError
from tonearm.pipelines.commands.extras import require_extra
from tonearm.pipelines.commands.option_types import fraction, positive_integer

_DESCRIPTION = """\
Compare what the tables in OUT say of a day's tracks with what they say of the days before: the scores of each
tag, levels, lengths, tracks that were not heard whole, and failures by their word. A day is that of
ingestion.

A shift raises an alarm if it is large enough to matter and surer than chance: on days without any change
no more than one in a thousand raises one (--false_alarms), whatever the number of tags. Tracks count as drawn
one by one, or, with --group, groups of them: a day on which one label delivers its catalog is another day,
and is told as one.
"""

_EPILOG = """\
examples:
  tonearm drift tags/                             the last day, by the 28 days before it
  tonearm drift gs://catalog/tags --since 2026-11-01 --by genre --json
  tonearm drift tags/ --since 2026-11-01 --html drift.html

exit codes: 0 no alarm, or too few tracks to tell; 1 an alarm, or it broke; 2 the call was wrong.
"""


class DriftError(TonearmError):
    """Days differ from those before; which ones has been printed."""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "drift",
        help="find days on which a tagger says something else than before",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_drift)
    parser.add_argument("output", metavar="OUT", help="folder, URL or dataset of the tables")
    parser.add_argument("--tagger", metavar="NAME@VERSION", help="whose rows (default: the last run's)")
    parser.add_argument(
        "--since", metavar="DATE", type=_day, help="first day to judge (default: the last day)"
    )
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        default="",
        help="judge each value of a column by itself: codec, input_kind, or one of the manifest's own",
    )
    parser.add_argument(
        "--group",
        metavar="COLUMN",
        default="",
        help="count tracks with the same value as one, as they are alike: a column such as album or artist",
    )
    parser.add_argument(
        "--reference_days",
        metavar="DAYS",
        type=positive_integer,
        default=28,
        help="how many days before it a day is compared with (default: 28)",
    )
    parser.add_argument(
        "--false_alarms",
        metavar="FRACTION",
        type=fraction,
        default=0.001,
        help="share of days without any change that may raise an alarm (default: 0.001)",
    )
    parser.add_argument("--json", action="store_true", help="print all shifts as JSON")
    parser.add_argument("--html", metavar="FILE", help="also write a page for people, one file by itself")
    parser.add_argument("--replace", action="store_true", help="replace the page that is at FILE")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date such as 2026-11-28") from None


def _page_file(known: argparse.Namespace) -> Path | None:
    """Where a page is to be written; None if none is asked for."""
    if known.html is None:
        if known.replace:
            raise WrongCallError("--replace is for --html")
        return None
    require_extra("--html", "learn", "jinja2", "matplotlib")
    from tonearm.learning.pages.page_file import writable_page
    from tonearm.pipelines.reports.matplotlib_cache import prepare_matplotlib

    prepare_matplotlib()
    return writable_page(known.html, "--html", replace=known.replace)


def _drift(known: argparse.Namespace, _: list[str]) -> None:
    page = _page_file(known)
    from tonearm.learning.drift.days import days_before, days_of, last_day_of
    from tonearm.learning.drift.judging import DriftSettings, judge_days
    from tonearm.pipelines.reports.taggers.drift import print_drift
    from tonearm.transforms.storage.signed_url import location_of
    from tonearm.transforms.tables.reading import require_runs, require_told_apart, tagger_of

    require_runs(known.output)
    tagger = tagger_of(known.output, known.tagger)
    settings = DriftSettings(known.reference_days, rate=known.false_alarms)
    first = known.since or last_day_of(known.output, tagger, known.by)
    compared_from = days_before(first, known.reference_days) if first else date.min
    parts = days_of(known.output, tagger, compared_from, known.by, known.group)
    require_told_apart(known.output, known.by, (value for _, value in parts))
    days = list(judge_days(parts, settings, known.since))
    print_drift(tagger, days, as_json=known.json)
    if page:
        from tonearm.learning.drift.report.page import page_of
        from tonearm.learning.pages.page_file import write_page

        write_page(page, page_of(tagger, location_of(known.output), parts, days, settings))
    if alarmed := [day for day in days if day.alarms]:
        told = ", ".join(f"{day.day} {day.part}".strip() for day in alarmed)
        raise DriftError(f"{tagger} says something else than on the days before: {told}")
