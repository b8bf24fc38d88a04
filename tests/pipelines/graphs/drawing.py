"""Writes into ``docs/architecture.md`` what stands in the code: ``python -m tests.pipelines.graphs.drawing``.

Pictures of the Beam graphs are drawn from the graphs themselves, as Mermaid flowcharts; how to add a thing is
told by the docstring of its contract. A test compares both with the page.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor

from tonearm.learning.building.rules import BuildRules
from tonearm.models.bundles.loading import load_tagger
from tonearm.pipelines.graphs.analyze import AnalyzeTracks
from tonearm.pipelines.graphs.backfill import TagBackfill
from tonearm.pipelines.graphs.dataset import BuildShards, ShardWork
from tonearm.pipelines.graphs.spectrograms import MakeSpectrograms
from tonearm.pipelines.graphs.stream import ArrivalsOfMessages, TagStream, written_at_once
from tonearm.pipelines.runs.order import SpectrogramWish
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.rows import Provenance

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "architecture.md"

_SETTINGS = AnalysisSettings()
_PROVENANCE = Provenance("run", "musicnn@1", "fingerprint")


def pictures() -> dict[str, str]:
    """Each graph as a Mermaid flowchart, by the name that its block has on the page."""
    tagger, output = load_tagger(_SETTINGS.tagger), output_at(["tables"])
    writer = output.staging_writer("share")
    graphs: dict[str, Callable[[], beam.PTransform]] = {
        "analyze": lambda: AnalyzeTracks(_SETTINGS, tagger.front_end),
        "spectrograms": lambda: MakeSpectrograms(
            _SETTINGS, tagger.front_end, SpectrogramWish(), writer, _PROVENANCE, print
        ),
        "backfill": lambda: TagBackfill(_SETTINGS, tagger, output, _PROVENANCE, ["/tags"]),
        "dataset": lambda: BuildShards(
            ShardWork("/set", "/plan", tagger.front_end, (), BuildRules(), "run", output.boards())
        ),
        "stream": lambda: TagStream(
            _SETTINGS, tagger, ArrivalsOfMessages(ObjectFilter()), written_at_once(output, _PROVENANCE)
        ),
    }
    return {name: _flowchart(make()) for name, make in graphs.items()}


def _flowchart(graph: beam.PTransform) -> str:
    """Draw one graph; the transforms that it is made of are a box each."""
    pipeline = beam.Pipeline()
    pipeline | "Input" >> beam.Impulse() | "Graph" >> graph
    visitor = _Boxes(type(graph))
    pipeline.visit(visitor)
    lines = ["flowchart LR"]
    lines += [f'    {name}["{label}"]' for label, name in visitor.names.items()]
    lines += [f"    {one} --> {other}" for one, other in dict.fromkeys(visitor.edges)]
    return "\n".join(lines)


class _Boxes(PipelineVisitor):
    """Collects a box for each transform directly below the graph, and the arrows between boxes."""

    def __init__(self, graph: type) -> None:
        self._graph = graph
        self._box_of: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.edges: list[tuple[str, str]] = []

    def visit_transform(self, transform_node: AppliedPTransform) -> None:
        box = self._box(transform_node)
        for value in transform_node.inputs:
            before = self._box_of.get(value.producer.full_label if value.producer else "")
            if before and before != box:
                self.edges.append((before, box))

    def _box(self, node: AppliedPTransform) -> str:
        """The outermost transform around this one, below the graph."""
        around = [node]
        while around[-1].parent is not None:
            around.append(around[-1].parent)
        shown = next(
            each
            for each in reversed(around)
            if each.transform is not None and not isinstance(each.transform, self._graph) and each.full_label
        )
        label = shown.full_label.rsplit("/", 1)[-1]
        name = self.names.setdefault(label, f"step{len(self.names)}")
        self._box_of[node.full_label] = name
        return name


def page_now(page: str) -> str:
    """The page brought up to date.

    A picture stands behind a line ``<!-- graph: NAME -->``, and what a file's docstring tells between a line
    ``<!-- from: FILE -->`` and the next ``<!-- end -->``.
    """
    return _with_instructions(_with_pictures(pictures(), page))


def _with_instructions(page: str) -> str:
    block = re.compile(r"(<!-- from: (\S+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
    return block.sub(lambda found: f"{found[1]}\n{_instructions(found[2])}\n\n{found[3]}", page)


def _instructions(file: str) -> str:
    """What a docstring tells behind "How to add", in Markdown."""
    docstring = ast.get_docstring(ast.parse((ROOT / file).read_text())) or ""
    _, _, told = docstring.partition("How to add")
    return "How to add" + re.sub(r":\w+:(`\w+`)", r"\1", told).replace("``", "`").rstrip()


def _with_pictures(pictures: dict[str, str], page: str) -> str:
    for name, picture in pictures.items():
        block = re.compile(rf"(<!-- graph: {name} -->\n```mermaid\n).*?(```\n)", re.DOTALL)
        page = block.sub(lambda found, picture=picture: f"{found[1]}{picture}\n{found[2]}", page)
    return page


if __name__ == "__main__":
    PAGE.write_text(page_now(PAGE.read_text()))
