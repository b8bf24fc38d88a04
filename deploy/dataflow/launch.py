"""What Dataflow's launcher of Flex Templates starts: a launch's parameters as a call of `tonearm ingest`.

The launcher gives each parameter, and Dataflow's own options, as ``--name=value``. It needs this process to
end as soon as the graph is handed over.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from tonearm.pipelines.main import main

_INPUT = "--input="


def call_of(given: Sequence[str]) -> list[str]:
    """The call of `tonearm` that a launch comes to; parameters that were left blank are left out.

    >>> call_of(["--input=gs://catalog/in/", "--output=gs://tables/tags", "--tagger="])
    ['ingest', 'gs://catalog/in/', '--output=gs://tables/tags', '--no_wait']
    """
    return ["ingest", *_arguments(given), "--no_wait"]


def _arguments(given: Sequence[str]) -> Iterator[str]:
    for argument in given:
        if argument.startswith("--") and argument.endswith("="):
            continue
        yield argument.removeprefix(_INPUT)


if __name__ == "__main__":
    sys.argv[1:] = call_of(sys.argv[1:])
    main()
