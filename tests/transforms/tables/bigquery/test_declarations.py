"""Tables that another tool makes before the first run are those that a run would make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.declarations import declarations
from tonearm.transforms.tables.bigquery.schema import table_of, views_of
from tonearm.transforms.tables.schemas import SCHEMAS

TERRAFORMS_TABLES = Path(__file__).parents[4] / "deploy" / "terraform" / "tables.json"

DATASET = Dataset("music-tags", "tags")


def test_terraforms_tables_are_up_to_date() -> None:
    renewed = "python -m tonearm.transforms.tables.bigquery.declarations > deploy/terraform/tables.json"
    assert TERRAFORMS_TABLES.read_text() == declarations(), renewed


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_declared_table_is_the_one_that_a_run_makes(name: str) -> None:
    declared = json.loads(TERRAFORMS_TABLES.read_text())["tables"][name]
    table = table_of(DATASET, name)
    assert [bigquery.SchemaField.from_api_repr(each) for each in declared["schema"]] == list(table.schema)
    assert (declared["description"], declared["clustering"]) == (table.description, table.clustering_fields)
    assert table.time_partitioning is not None
    assert declared["partition"] == table.time_partitioning.field
    assert table.time_partitioning.type_ == "DAY"


def test_a_declared_view_with_its_names_filled_in_is_the_one_that_a_run_makes() -> None:
    declared = json.loads(TERRAFORMS_TABLES.read_text())["views"]
    filled = {
        name: view["query"].replace("{project}", DATASET.project).replace("{dataset}", DATASET.name)
        for name, view in declared.items()
    }
    assert filled == {view.table_id: view.view_query for view in views_of(DATASET)}
