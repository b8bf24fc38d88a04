"""The whole command line: its subcommands, and messages that name the fix for what is wrong with a call."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from functools import partial
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import NoReturn

from tonearm.errors import WrongCallError
from tonearm.pipelines.commands import dataset, ingest, plan, retry, show, spectrograms
from tonearm.pipelines.commands.taggers import (
    calibrate,
    compare,
    drift,
    evaluate,
    history,
    label_next,
    promote,
    rollback,
    train,
)
from tonearm.pipelines.reports.printing import say

_RUNS = (["ingest"], ["retry"], ["spectrograms"], ["dataset", "build"])
"""Commands that pass options on to Beam, and actions of commands that do."""

_OUR_NAMES = ("--labels",)
"""Options that Beam has others of the same name as, which are for Dataflow's bills."""

_EPILOG = """\
quick start:
  tonearm ingest music/ --output tags/    tag a folder, with all folders below it
  tonearm show tags/                      print the tags

`tonearm COMMAND --help` tells more of each command.
"""


class Parser(argparse.ArgumentParser):
    """Raises what is wrong with a call, in one line, where argparse would print all options and leave."""

    def error(self, message: str) -> NoReturn:
        """See :class:`argparse.ArgumentParser`."""
        raise WrongCallError(f"{message}; see `{self.prog} --help`")


def job_of(arguments: Sequence[str]) -> Callable[[], None]:
    """What a call asks for, to be called; ``--help`` and ``--version`` print and leave.

    Raises:
        WrongCallError: The call is none that there is.
    """
    parser, commands = command_line()
    if not arguments:
        say(parser.format_help())
        raise WrongCallError("name a COMMAND")
    _require_command(arguments, commands)
    ours, beams = _split(list(arguments))
    known, unknown = parser.parse_known_args(ours)
    known.given = {each.partition("=")[0] for each in arguments if each.startswith("--")}
    if unknown:
        _refuse_unknown(unknown, known, beams, getattr(known, "parser", commands[known.command]))
    return partial(known.job, known, [*beams, *unknown])


def command_line() -> tuple[Parser, dict[str, argparse.ArgumentParser]]:
    """What parses a whole call, and what parses each command's part of it, by the command's name."""
    parser = Parser(
        prog="tonearm",
        description="Listens to music catalogs: tracks in, tables of genre, mood, instruments and voice out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tonearm {version('tonearm')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    for command in (
        *(ingest, retry, spectrograms, show, plan, dataset),
        *(train, evaluate, calibrate, promote, rollback, history, compare, drift, label_next),
    ):
        command.add_to(commands)
    return parser, dict(commands.choices)


def _require_command(arguments: Sequence[str], commands: Collection[str]) -> None:
    named = arguments[0]
    if not named.startswith("-") and named not in commands:
        hint = _did_you_mean(named, commands)
        raise WrongCallError(f"there is no command {named}{hint}; there are {', '.join(commands)}")


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our arguments and Beam's; Beam is loaded for runs only, and not for `--help`."""
    if not _is_run(arguments) or {"-h", "--help"} & set(arguments):
        return arguments, []
    from tonearm.pipelines.runs.beam_options import split_arguments

    return split_arguments(arguments, _OUR_NAMES if arguments[0] == "dataset" else ())


def _is_run(arguments: Sequence[str]) -> bool:
    return any(list(arguments[: len(run)]) == run for run in _RUNS)


def _refuse_unknown(
    unknown: Sequence[str], known: argparse.Namespace, beams: Sequence[str], parser: argparse.ArgumentParser
) -> None:
    """Refuse what neither we nor Beam know, unless the run is on a cluster, which may know the option.

    Raises:
        WrongCallError: With the option that may be meant, or what to do about a word too many.
    """
    options, may_be_a_clusters = _options_of(parser), False
    if _is_run([known.command, getattr(known, "action", "")]):
        from tonearm.pipelines.runs.beam_options import names_of_beams_options, read_beam_options

        options |= names_of_beams_options()
        may_be_a_clusters = not read_beam_options(beams).is_local
    named = [each.partition("=")[0] for each in unknown if each.startswith("-")]
    for name in named:
        if not may_be_a_clusters or name.replace("-", "_") in _with_underscores(options):
            hint = _did_you_mean(name, options)
            raise WrongCallError(f"there is no option {name}{hint}; see `{parser.prog} --help`")
    if not unknown[0].startswith("-"):
        _refuse_further_words(unknown, known, parser)


def _options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {name for name in parser._option_string_actions if name.startswith("--")}


def _with_underscores(options: Collection[str]) -> set[str]:
    return {each.replace("-", "_") for each in options}


def _did_you_mean(word: str, known: Collection[str]) -> str:
    """The known word that is spelt most like this one, as a question; nothing if none is.

    >>> _did_you_mean("--wave-tracks", ["--wave_tracks", "--watch"])
    ': did you mean --wave_tracks?'
    """
    close = get_close_matches(word, known, n=1)
    return f": did you mean {close[0]}?" if close else ""


def _refuse_further_words(
    words: Sequence[str], known: argparse.Namespace, parser: argparse.ArgumentParser
) -> NoReturn:
    if known.command not in {"ingest", "spectrograms"}:
        raise WrongCallError(f"{words[0]} is a word too many; see `{parser.prog} --help`")
    given = [known.input, *words]
    first = ", ".join(given[:2]) + (", …" if len(given) > 2 else "")
    raise WrongCallError(
        f"{len(given)} INPUTs are given, {first}, and {known.command} takes one. If the shell made them "
        f"from a pattern, quote it, so that the shell leaves it alone: '{_pattern_of(given)}'. Otherwise "
        "name their folder, or write a manifest"
    )


def _pattern_of(paths: Sequence[str]) -> str:
    """A pattern that a shell may have made these paths from.

    >>> _pattern_of(["music/a.mp3", "music/b.mp3"])
    'music/*.mp3'
    """
    folders = {path.rpartition("/")[0] for path in paths}
    endings = {PurePosixPath(path).suffix for path in paths}
    folder = folders.pop() if len(folders) == 1 else "**"
    name = f"*{endings.pop() if len(endings) == 1 else ''}"
    return f"{folder}/{name}" if folder else name
