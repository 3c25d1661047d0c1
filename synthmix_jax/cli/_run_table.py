"""A table of runs from a CSV file, with every complaint in one line that names the row."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthmix_jax import mixing

_COLUMNS = "n, m, share (or weight), error[, standard_error]"
_DELIMITERS = ",;\t"


@dataclass(frozen=True, eq=False)
class RunTable:
    """Runs, one entry a row (r,).

    Attributes:
        n: Real points.
        m: Synthetic points.
        share: Part of the loss that was synthetic.
        error: What was measured.
        standard_error: Of each error; None if the file has none.
    """

    n: np.ndarray
    m: np.ndarray
    share: np.ndarray
    error: np.ndarray
    standard_error: np.ndarray | None


def read(path: Path) -> RunTable:
    """Read and check a file; columns that are not asked for are left alone.

    Raises:
        FileNotFoundError: no such file.
        ValueError: columns or values are missing, doubled or no numbers.
    """
    names, rows = _cells(path)
    kind = _kind_of_amount(path, names)
    wanted = ["n", "m", kind, "error"]
    wanted += ["standard_error"] if "standard_error" in names else []
    columns = [names.index(name) for name in wanted]
    others = [at for at in range(len(names)) if at not in columns]
    seen: dict[tuple, int] = {}
    runs: list[tuple[float, ...]] = []
    for line, cells in rows:
        runs.append(tuple(_number(path, line, names[at], cells[at]) for at in columns))
        # Runs of two seeds may agree to the last digit: a column that names the seed tells them apart.
        key = runs[-1], *(cells[at] for at in others)
        if key in seen:
            raise ValueError(
                f"{path}, line {line} repeats line {seen[key]}, in every column. Drop one of them, as a "
                "run that is counted twice makes intervals too narrow; or, if they are two runs, add a column that "
                "tells them apart, such as seed."
            )
        seen[key] = line
    if not runs:
        raise ValueError(f"{path} holds a header but no runs. Give one run a line.")
    table = dict(zip(wanted, np.array(runs).T, strict=True))
    if kind == "weight":
        lines = seen.values()
        table["share"] = np.array(
            [_share(path, line, v) for line, v in zip(lines, runs, strict=True)]
        )
    return RunTable(
        table["n"], table["m"], table["share"], table["error"], table.get("standard_error")
    )


def _cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Column names in small letters, and the cells of each line with its number."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a CSV file with columns {_COLUMNS}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text file; give a CSV file in UTF-8.") from error
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(text.splitlines(), delimiter=max(_DELIMITERS, key=first.count))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num} is no line of a CSV file: {error}."
        ) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise ValueError(f"{path} is empty; give a CSV file with columns {_COLUMNS}.")
    names = ["_".join(name.lower().replace("-", " ").split()) for name in lines[0][1]]
    for number, cells in lines[1:]:
        if len(cells) != len(names):
            raise ValueError(
                f"{path}, line {number} has {len(cells)} cells, and the header {len(names)}. "
                "Make them equal; decimals take a point."
            )
    return names, lines[1:]


def _kind_of_amount(path: Path, names: list[str]) -> str:
    """Whether the file has shares or weights; and that it has all else."""
    kinds = [kind for kind in ("share", "weight") if kind in names]
    if len(kinds) == 2:
        raise ValueError(f"{path} has both share and weight; keep the one that the runs used.")
    missing = [name for name in ("n", "m", "error") if name not in names]
    missing += [] if kinds else ["share (or weight)"]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(filter(None, names))}. "
            f"Needed: {_COLUMNS}."
        )
    doubled = [
        name for name in ("n", "m", kinds[0], "error", "standard_error") if names.count(name) > 1
    ]
    if doubled:
        raise ValueError(f"{path} has {doubled[0]} twice; keep one column.")
    return kinds[0]


def _number(path: Path, line: int, name: str, cell: str) -> float:
    remedy = "Fill it in or drop the line."
    if not cell:
        raise ValueError(f"{path}, line {line}: {name} is missing. {remedy}")
    try:
        value = float(cell)
    except ValueError as error:
        if "," in cell:
            remedy = "Decimals take a point, and thousands nothing."
        raise ValueError(f"{path}, line {line}: {name} is {cell!r}, no number. {remedy}") from error
    if not math.isfinite(value):
        raise ValueError(f"{path}, line {line}: {name} is {cell}. {remedy}")
    return value


def _share(path: Path, line: int, values: tuple[float, ...]) -> float:
    n, m, weight = values[:3]
    if weight <= 0 or min(n, m) < 0 or n + m == 0:
        raise ValueError(
            f"{path}, line {line}: weight {weight:g} of {m:g} synthetic beside {n:g} real points gives no share. "
            "Weights are positive; a run without synthetic data has m = 0."
        )
    return 1.0 if n == 0 else mixing.share(n, m, weight)
