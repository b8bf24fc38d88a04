"""The files of an evaluation, by name."""

from __future__ import annotations

from tonearm.learning.evaluation.evaluation import Evaluation
from tonearm.learning.evaluation.report.document import Document, document_bytes
from tonearm.learning.evaluation.report.folder import REPORT_JSON
from tonearm.learning.evaluation.report.page import page_of
from tonearm.learning.evaluation.report.scores_file import scores_file


def files_of(evaluation: Evaluation, document: Document) -> dict[str, bytes]:
    """All files of an evaluation; the same evaluation gives the same bytes."""
    return {
        REPORT_JSON: document_bytes(document),
        "report.html": page_of(document, evaluation.tables[0]),
        "scores.parquet": scores_file(evaluation.judged.tracks, evaluation.tables),
    }
