"""Parts that are saved as they finish, and not done twice."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any


def write(path: Path, text: str) -> None:
    """Write in one step: a reader never sees half a file."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """CSV, four digits a number."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rounded(row, 4) for row in rows)
    write(path, text.getvalue())


def saved(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """An earlier result of the same settings; None if there is none.

    Raises:
        SystemExit: it was made with other settings.
    """
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    there = content["settings"]
    names = sorted(k for k in {*there, *settings} if there.get(k, ...) != settings.get(k, ...))
    if names:
        said = "; ".join(f"{k} is {there.get(k)}, wanted {settings.get(k)}" for k in names)
        raise SystemExit(
            f"{path} was made with other settings: {said}. Name another --out, or give --fresh to replace it."
        )
    return content


def rounded(values: Any, digits: int = 5) -> Any:
    """Nested lists and dictionaries of plain numbers with so many significant digits."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, dict):
        return {k: rounded(v, digits) for k, v in values.items()}
    if isinstance(values, list | tuple):
        return [rounded(v, digits) for v in values]
    return float(f"{values:.{digits}g}") if isinstance(values, float) else values
