"""Beam's own options on our command line: checked, and sorted into what a local run makes of them."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn

from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    S3Options,
    StandardOptions,
)
from apache_beam.runners.runner import create_runner

from tonearm.errors import WrongCallError

_LOCAL_RUNNERS = (
    *("DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner", "TestDirectRunner"),
    "FnApiRunner",
)
"""Runners of this process, by their classes; the first name is what Beam calls the second."""

_MOST_WORKERS = 1024
"""More threads than any machine has cores: a slip of the finger would start them all."""

_VARIABLE_OF_S3_OPTION = {
    "s3_access_key_id": "AWS_ACCESS_KEY_ID",
    "s3_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "s3_session_token": "AWS_SESSION_TOKEN",
    "s3_endpoint_url": "AWS_ENDPOINT_URL_S3",
    "s3_region_name": "AWS_DEFAULT_REGION",
}


@dataclass(frozen=True, slots=True)
class BeamOptions:
    """Options for Beam.

    Attributes:
        flags: The options as given.
        is_local: True if the run goes in shares on this machine, False if a cluster takes the whole graph.
        workers: ``--direct_num_workers``; 0 for one worker per core.
        is_dataflow: True if that cluster is Dataflow.
    """

    flags: tuple[str, ...] = ()
    is_local: bool = True
    workers: int = 0
    is_dataflow: bool = False


_OURS = "--tonearm:"
"""Begins, while Beam looks at the command line, an option of ours that Beam has one of the same name as."""


def split_arguments(arguments: Sequence[str], own: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Part a command line into ours and Beam's, so that `--runner X INPUT` does not take X for the input.

    Args:
        arguments: The command line.
        own: Options that are ours, even if Beam knows others of these names.

    Raises:
        WrongCallError: An option of Beam has a value that Beam does not take.
    """
    arguments = [_OURS + each if each.partition("=")[0] in own else each for each in arguments]
    ours = _unknown_to_beam(arguments)
    beams, waiting = [], list(ours)
    for argument in arguments:
        if waiting and argument == waiting[0]:
            del waiting[0]
        else:
            beams.append(argument)
    return [each.removeprefix(_OURS) for each in ours], beams


def read_beam_options(flags: Sequence[str]) -> BeamOptions:
    """Check options and tell what a run makes of them; an option that Beam does not know may be a cluster's.

    Raises:
        WrongCallError: Beam knows no such runner or value, or there cannot be so many workers.
    """
    options = PipelineOptions(list(flags))
    runner = _class_of_runner(options.view_as(StandardOptions).runner or _LOCAL_RUNNERS[0])
    is_local = runner in _LOCAL_RUNNERS
    direct = options.view_as(DirectOptions)
    if is_local:
        _refuse_processes(direct)
    if runner == "PortableRunner" and not options.view_as(PortableOptions).job_endpoint:
        raise WrongCallError(
            "--runner PortableRunner needs --job_endpoint HOST:PORT, where its job server is"
        )
    named = any(flag.startswith("--direct_num_workers") for flag in flags)
    workers = direct.direct_num_workers if named else 0
    if not 0 <= workers <= _MOST_WORKERS:
        raise WrongCallError(
            f"--direct_num_workers={workers} is neither a number from 1 to {_MOST_WORKERS} nor 0, one a core"
        )
    is_dataflow = runner.endswith("DataflowRunner")
    named_as = () if is_local else (f"--runner={runner}",)  # the last one counts
    return BeamOptions((*flags, *named_as), is_local, workers, is_dataflow)


def export_s3_options(flags: Sequence[str]) -> None:
    """Set Beam's ``--s3_…`` options as the variables that every S3 client of this process reads.

    So it is one account, whether it comes by option or by environment. Decoder processes inherit none of it.
    """
    given = PipelineOptions(list(flags)).view_as(S3Options)
    for option, variable in _VARIABLE_OF_S3_OPTION.items():
        if value := getattr(given, option):
            os.environ[variable] = value


def _refuse_processes(direct: DirectOptions) -> None:
    if direct.direct_running_mode == "multi_processing":
        raise WrongCallError(
            "--direct_running_mode=multi_processing is not offered: Beam would start Python and load the "
            "networks anew for every share of tracks. The workers are threads, which keep all cores busy; "
            "--direct_num_workers says how many"
        )


def _class_of_runner(name: str) -> str:
    """The name of the class that Beam takes for a runner, whose name it reads in many spellings.

    A path of a class is kept as it is.

    Raises:
        WrongCallError: Beam knows no such runner.
    """
    if name in _LOCAL_RUNNERS:
        return name  # made at each call, which takes time
    try:
        runner = type(create_runner(name))
    except (ValueError, ImportError, AttributeError) as error:
        raise WrongCallError(f"Beam says: {error}") from error
    return name if "." in name else runner.__name__


def names_of_beams_options() -> set[str]:
    """Every option that Beam knows, as it is spelt."""
    names: set[str] = set()
    PipelineOptions([]).get_all_options(
        add_extra_args_fn=lambda parser: names.update(parser._option_string_actions)
    )
    return names


def _unknown_to_beam(arguments: Sequence[str]) -> list[str]:
    unknown: list[str] = []

    def parse(parser: ArgumentParser) -> None:
        parser.error = _wrong_call  # type: ignore[method-assign]  # Beam's usage has 500 lines
        unknown.extend(parser.parse_known_args(list(arguments))[1])

    PipelineOptions([]).get_all_options(add_extra_args_fn=parse)
    return unknown


def _wrong_call(message: str) -> NoReturn:
    raise WrongCallError(f"Beam says: {message}")
