"""Brings tables of an earlier version up to date: adds what is missing, and refuses what it cannot change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from google.api_core.exceptions import PreconditionFailed
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery

from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset
from tonearm.transforms.tables.bigquery.schema import table_of, views_of
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.schemas import VISIBILITY_ORDER

_SQL_TYPES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""Names of types in statements, where they differ from those of the API."""


def bring_up_to_date(dataset: Dataset) -> None:
    """Make the tables and views, or change those of an earlier version so that this one can write to them.

    A column that is missing is added if it may be empty, as it is in older rows. Descriptions, and views
    whose query has changed, are replaced. Rows are never touched. A run of an earlier version goes on beside
    it, as it names the columns that it writes.

    Raises:
        OutputError: A table lacks a column that must have a value, has one of another type, or one that must
            have a value which nobody writes.
        NotFound: There is no such dataset.
        Forbidden: It is closed to this account.
    """
    dataset.client.get_dataset(str(dataset), retry=RETRY, timeout=REQUEST_SECONDS)
    for name in VISIBILITY_ORDER:
        _unless_changed_meanwhile(_bring_table)(dataset, table_of(dataset, name))
    for view in views_of(dataset):
        _unless_changed_meanwhile(_bring_view)(dataset, view)


def _bring_table(dataset: Dataset, wanted: bigquery.Table) -> None:
    client, name = dataset.client, wanted.table_id
    present = client.create_table(wanted, exists_ok=True, retry=RETRY, timeout=REQUEST_SECONDS)
    _require_same_kind(present, "TABLE")
    if missing := list(_missing_columns(present, wanted)):
        _add_columns(dataset, name, missing)
        present = client.get_table(dataset.table(name), retry=RETRY, timeout=REQUEST_SECONDS)
    _describe(client, present, wanted)


def _bring_view(dataset: Dataset, wanted: bigquery.Table) -> None:
    client = dataset.client
    present = client.create_table(wanted, exists_ok=True, retry=RETRY, timeout=REQUEST_SECONDS)
    _require_same_kind(present, "VIEW")
    if (present.view_query, present.description) != (wanted.view_query, wanted.description):
        present.view_query, present.description = wanted.view_query, wanted.description
        client.update_table(present, ["view_query", "description"], retry=RETRY, timeout=REQUEST_SECONDS)


# A change is on the condition that nobody else has changed the table since it was read, as another run may.
_unless_changed_meanwhile = Retry(
    predicate=if_exception_type(PreconditionFailed), initial=0.2, maximum=2.0, timeout=60.0
)


def _require_same_kind(present: bigquery.Table, kind: str) -> None:
    if present.table_type != kind:
        raise _of_another_shape(present, f"is a {present.table_type} and no {kind}")


def _missing_columns(present: bigquery.Table, wanted: bigquery.Table) -> Iterator[bigquery.SchemaField]:
    """Columns to add.

    Raises:
        OutputError: Columns that both have differ, or one is missing that has been there from the beginning.
    """
    there = {field.name.lower(): field for field in present.schema}
    for field in wanted.schema:
        if field.name.lower() in there:
            _require_compatible(present, there.pop(field.name.lower()), field, field.name)
        elif field.mode == "REQUIRED":
            raise _of_another_shape(present, f"has no column {field.name} {field.field_type} {field.mode}")
        else:
            yield field
    _require_optional(present, there.values())


def _require_compatible(
    table: bigquery.Table, present: bigquery.SchemaField, wanted: bigquery.SchemaField, name: str
) -> None:
    """Check that values of one column fit another; one may be empty there that never is here."""
    fits = present.mode == wanted.mode or (present.mode, wanted.mode) == ("NULLABLE", "REQUIRED")
    if not fits or _type_of(present) != _type_of(wanted):
        raise _of_another_shape(
            table,
            f"has a column {name} {present.field_type} {present.mode} in place of "
            f"{wanted.field_type} {wanted.mode}",
        )
    parts = {part.name.lower(): part for part in present.fields}
    for part in wanted.fields:
        if part.name.lower() not in parts:
            raise _of_another_shape(table, f"has no field {name}.{part.name} {part.field_type} {part.mode}")
        _require_compatible(table, parts.pop(part.name.lower()), part, f"{name}.{part.name}")
    _require_optional(table, parts.values(), f"{name}.")


def _type_of(field: bigquery.SchemaField) -> str:
    """A type by its name in the API, which has two for some."""
    names = {"STRUCT": "RECORD"} | {sql: api for api, sql in _SQL_TYPES.items()}
    return names.get(field.field_type, field.field_type)


def _require_optional(
    table: bigquery.Table,
    further: Iterable[bigquery.SchemaField],
    of: str = "",
) -> None:
    """Columns that are not ours may be there, unless they must have a value."""
    for field in further:
        if field.mode == "REQUIRED":
            raise _of_another_shape(table, f"has a column {of}{field.name} that must have a value")


def _of_another_shape(table: bigquery.Table, what: str) -> OutputError:
    return OutputError(
        f"{table.full_table_id} {what}: it was made by something else, or by a later version; name another "
        "dataset or move the table away"
    )


def _add_columns(dataset: Dataset, name: str, columns: Sequence[bigquery.SchemaField]) -> None:
    for field in columns:
        dataset.query(
            f"ALTER TABLE {dataset.quoted(name)} ADD COLUMN IF NOT EXISTS {field.name} {_sql_type(field)}"
        )


def _sql_type(field: bigquery.SchemaField) -> str:
    kind = _SQL_TYPES.get(field.field_type, field.field_type)
    if field.fields:
        kind = f"STRUCT<{', '.join(f'{part.name} {_sql_type(part)}' for part in field.fields)}>"
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def _describe(client: bigquery.Client, present: bigquery.Table, wanted: bigquery.Table) -> None:
    """Bring descriptions up to date; those of columns that are not ours stay."""
    schema = _described([*present.schema, *_missing_columns(present, wanted)], wanted.schema)
    if (present.description, list(present.schema)) == (wanted.description, schema):
        return
    present.description, present.schema = wanted.description, schema
    client.update_table(present, ["description", "schema"], retry=RETRY, timeout=REQUEST_SECONDS)


def _described(
    present: Sequence[bigquery.SchemaField], wanted: Sequence[bigquery.SchemaField]
) -> list[bigquery.SchemaField]:
    ours = {field.name.lower(): field for field in wanted}
    described = []
    for field in present:
        resource = field.to_api_repr()
        if own := ours.get(field.name.lower()):
            resource["description"] = own.description
            resource["fields"] = [part.to_api_repr() for part in _described(field.fields, own.fields)]
        described.append(bigquery.SchemaField.from_api_repr(resource))
    return described
