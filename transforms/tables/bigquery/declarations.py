"""The tables and views as JSON, for tools that make them before the first run, as Terraform does.

    python -m tonearm.transforms.tables.bigquery.declarations > deploy/terraform/tables.json

writes the file from the schemas from which a run makes the tables. Project and dataset stand in the views'
queries as ``{project}`` and ``{dataset}``.
"""

from __future__ import annotations

import json
from typing import Any

from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.schema import table_of, views_of
from tonearm.transforms.tables.schemas import PARTITION, SCHEMAS

_ANY_DATASET = Dataset("{project}", "{dataset}")


def declarations() -> str:
    """All tables and views as JSON, in the words of BigQuery's interface."""
    return json.dumps({"tables": _tables(), "views": _views()}, indent=2) + "\n"


def _tables() -> dict[str, Any]:
    tables = {name: table_of(Dataset("project", "dataset"), name) for name in SCHEMAS}
    return {
        name: {
            "description": table.description,
            "partition": PARTITION,
            "clustering": table.clustering_fields,
            "schema": [field.to_api_repr() for field in table.schema],
        }
        for name, table in tables.items()
    }


def _views() -> dict[str, Any]:
    return {
        view.table_id: {"description": view.description, "query": view.view_query}
        for view in views_of(_ANY_DATASET)
    }


if __name__ == "__main__":
    print(declarations(), end="")
