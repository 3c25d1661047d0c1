"""Distances on a terminal: a panel where someone is watching, plain lines of 79 characters or COLUMNS in a pipe."""

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthmix_jax.advice import _distance_tables, _distance_words
from synthmix_jax.advice._records import Copies

if TYPE_CHECKING:
    from synthmix_jax.distances import Row, Table
else:
    Row = Table = Any

_PIPE, _PANEL, _NARROWEST = 79, 100, 40
# What a panel's border and padding take.
_EDGE = 6
# Columns that go first where there is no room, by their index in a row: the excess, the value's own interval, the
# floor. The floor's interval goes last, and the mark with it: alone it would say nothing.
_DISPENSABLE = ((6,), (5,), (2,), (3,), (4, 7))


def show(
    table: Table, real: str, out: Path | None, copies: Mapping[str, Copies | None] | None = None
) -> None:
    """Print what the distances say, the table of each generator, the classes, and where files lie.

    Args:
        table: What `compare` returned.
        real: Name of the real data.
        out: Folder that holds the files, or None.
        copies: By generator, whether its points look like copies of real ones.
    """
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        width = min(console.width, _PANEL)
        console.print(_panel(table, real, out, width, copies or {}), width=width)
    else:
        print("\n".join(_plain(table, real, out, copies or {})))


def grids(table: Table, width: int) -> dict[str, list[list[str]]]:
    """Head and rows over all points by generator, with the columns that fit into `width` for all of them."""
    head = ["distance", *_distance_tables.head(table), ""]
    whole = {
        name: [head, *(_cells(row) for row in _distance_words.rows(table, name))]
        for name in _distance_words.generators(table)
    }
    keep = list(range(len(head)))
    for columns in _DISPENSABLE:
        cut = [[[line[i] for i in keep] for line in lines] for lines in whole.values()]
        if all(sum(_widths(lines)) + 2 * (len(keep) - 1) <= width for lines in cut):
            break
        keep = [i for i in keep if i not in columns]
    return {name: [[line[i] for i in keep] for line in lines] for name, lines in whole.items()}


def _cells(row: Row) -> list[str]:
    return [
        _distance_words.metric(row.metric),
        *_distance_tables.cells(row),
        _distance_words.mark(row),
    ]


def _widths(lines: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _notes(table: Table, real: str) -> list[str]:
    """What the numbers rest on."""
    return [
        f"{_distance_words.one_line(real)}: {_distance_words.sizes(table)}.",
        f"On {_distance_words.one_line(table.features)}.",
        _distance_words.floor_note(table),
    ]


def _places(out: Path | None) -> list[tuple[str, str]]:
    if out is None:
        return [("files", "none written; name a folder with --out")]
    names = (
        ("numbers", "distances.json"),
        ("table", "distances.csv"),
        ("picture", "distances.png"),
    )
    return [(label, str(out / name)) for label, name in names]


def _plain(
    table: Table, real: str, out: Path | None, copies: Mapping[str, Copies | None]
) -> list[str]:
    width = _pipe_width()
    lines = [_wrapped(line, width) for line in _distance_words.summary(table)]
    lines += [_wrapped(f"warning: {line}", width) for line in _distance_words.copies(copies)]
    for name, rows in grids(table, width).items():
        lines.append("")
        if len(table.num_synthetic) > 1:
            lines.append(f"{_distance_words.one_line(name)}:")
        widths = _widths(rows)
        lines += [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    lines.append("")
    lines += [_wrapped(line, width) for line in _distance_words.class_summary(table)]
    lines += [_wrapped(line, width) for line in _notes(table, real)]
    lines += [_wrapped(f"warning: {line}", width) for line in _distance_words.cautions(table)]
    lines.append("")
    places = _places(out)
    wide = max(len(label) for label, _ in places)
    return [*lines, *(f"{label:{wide}}  {value}" for label, value in places)]


def _pipe_width() -> int:
    given = os.environ.get("COLUMNS", "")
    return max(_NARROWEST, int(given)) if given.isdecimal() and int(given) else _PIPE


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _panel(
    table: Table,
    real: str,
    out: Path | None,
    width: int,
    copies: Mapping[str, Copies | None],
):
    """The same as a panel. `Text`, not strings: names may hold brackets, which rich reads as markup."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.text import Text

    parts: list[Any] = [Text(line, style="bold") for line in _distance_words.summary(table)]
    parts += [Text(f"! {line}", style="yellow") for line in _distance_words.copies(copies)]
    for name, rows in grids(table, width - _EDGE).items():
        title = _distance_words.one_line(name) if len(table.num_synthetic) > 1 else ""
        parts.append(Padding(_rich_table(rows, title), (1, 0, 0, 0)))
    classes = [Text(line) for line in _distance_words.class_summary(table)]
    notes = [Text(line, style="dim") for line in _notes(table, real)]
    cautions = [Text(f"! {line}", style="yellow") for line in _distance_words.cautions(table)]
    places = [Text(f"{label}  {value}") for label, value in _places(out)]
    groups = [group for group in (classes, cautions, notes, places) if group]
    parts += [Padding(Group(*group), (1, 0, 0, 0)) for group in groups]
    title = Text(" distance ", style="bold reverse")
    return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))


def _rich_table(lines: list[list[str]], title: str):
    from rich.table import Table as Grid
    from rich.text import Text

    made = Grid(
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        title=Text(title, style="bold") if title else None,
        title_justify="left",
    )
    for name in lines[0]:
        made.add_column(Text(name, style="dim"), no_wrap=True)
    for line in lines[1:]:
        style = {"above": "bold", "not computed": "yellow"}.get(line[-1], "dim")
        made.add_row(*(Text(cell) for cell in line[:-1]), Text(line[-1], style=style))
    return made
