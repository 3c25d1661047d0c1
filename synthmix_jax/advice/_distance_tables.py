"""The table of distances for every reader: JSON, CSV, and cells for a page or a terminal."""

import csv
import dataclasses
import io
import math
from typing import Any

from . import _distance_words, _words
from ._distance_words import Row, Table

# Raised whenever a field changes its meaning or goes; new fields may come without.
FORMAT = 1
_COLUMNS = (
    "synthetic",
    "metric",
    "class",
    "value",
    "low",
    "high",
    "floor",
    "floor_low",
    "floor_high",
    "excess",
    "excess_low",
    "excess_high",
    "above",
    "below",
    "num_real",
    "num_synthetic",
    "unit",
    "status",
    "level",
    "debias",
    "features",
)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def content(table: Table) -> dict[str, Any]:
    """Everything the table holds, and what its rows say in words; not yet plain types."""
    fields = {field.name: getattr(table, field.name) for field in dataclasses.fields(table)}
    return {
        "format": FORMAT,
        "summary": _distance_words.summary(table),
        "class_summary": _distance_words.class_summary(table),
        **fields,
        "rows": [_record(table, row) for row in table.rows],
    }


def csv_text(table: Table) -> str:
    """One line a row; empty where there is no number. Text that a spreadsheet would run gets an apostrophe."""
    file = io.StringIO()
    writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    run = {"level": table.level, "features": table.features}
    run["debias"] = bool(table.settings.get("debias"))
    for row in table.rows:
        record = {**_record(table, row), **run}
        record["num_real"], record["num_synthetic"] = row.sizes
        writer.writerow({name: _csv_cell(record[name]) for name in _COLUMNS})
    return file.getvalue()


def head(table: Table) -> list[str]:
    """Names of the columns of `cells`."""
    level = _distance_words.level(table)
    return ["value", f"{level} interval", "floor", "floor's interval", "excess", "its interval"]


def cells(row: Row) -> list[str]:
    """The numbers of a row, written; empty where there are none."""
    return [
        _number(row.value),
        _interval(row.low, row.high),
        _number(row.floor),
        _interval(row.floor_low, row.floor_high),
        _number(row.excess),
        _interval(row.excess_low, row.excess_high),
    ]


def _record(table: Table, row: Row) -> dict[str, Any]:
    name = None if row.label is None else _distance_words.label(table, row.label)
    return {**dataclasses.asdict(row), "above": row.above, "below": row.below, "class": name}


def _csv_cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str):
        text = f"'{value}" if value.startswith(_FORMULA) else value
        return text.replace(
            "\r", " "
        )  # which csv leaves unquoted, and readers take for the end of a line
    return str(value).lower() if isinstance(value, bool) else value


def _number(value: float) -> str:
    return _words.number(value) if math.isfinite(value) else ""


def _interval(low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{_words.number(low)} to {_words.number(high)}"
