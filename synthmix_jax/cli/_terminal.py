"""The answer on a terminal: a panel where someone is watching, plain lines in a pipe."""

from collections.abc import Sequence
from pathlib import Path

from synthmix_jax.advice import Advice, _tables

_WIDTH = 96


def show(advice: Advice, out: Path | None, files: Sequence[tuple[str, str]] = ()) -> None:
    """Print verdict, key numbers, warnings, and where the report lies.

    Args:
        advice: What `recommend` or `judge` returned.
        out: Folder that holds the report, or None.
        files: Label and place of what else was written.
    """
    from rich.console import Console

    console = Console()
    numbers = _tables.key_numbers(advice)
    places = [*_places(out), *files]
    if console.is_terminal:
        console.print(_panel(advice, numbers, places), width=min(console.width, _WIDTH))
    else:
        print("\n".join(_plain(advice, numbers, places)))


def _places(out: Path | None) -> list[tuple[str, str]]:
    if out is None:
        return [("report", "none written; name a folder with --out")]
    return [("report", str(out / "report.html")), ("picture", str(out / "curve.png"))]


def _plain(
    advice: Advice, numbers: list[tuple[str, str]], places: list[tuple[str, str]]
) -> list[str]:
    width = max(len(label) for label, _ in numbers)
    lines = [advice.summary(), ""]
    lines += [f"{label:{width}}  {value}" for label, value in numbers]
    lines += [f"\nwarning: {warning}" for warning in advice.warnings]
    lines.append("")
    lines += [f"{label:{width}}  {value}" for label, value in places]
    return lines


def _panel(advice: Advice, numbers: list[tuple[str, str]], places: list[tuple[str, str]]):
    """The same as a panel. `Text`, not strings: names may hold brackets, which rich reads as markup."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.text import Text

    parts = [Padding(Text(advice.summary(), style="bold"), (0, 0, 1, 0)), _grid(numbers)]
    if advice.warnings:
        notes = [Text(f"! {warning}", style="yellow") for warning in advice.warnings]
        parts.append(Padding(Group(*notes), (1, 0, 0, 0)))
    parts.append(Padding(_grid(places), (1, 0, 0, 0)))
    title = Text(f" {advice.verdict} ", style="bold reverse")
    return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))


def _grid(rows: list[tuple[str, str]]):
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for label, value in rows:
        grid.add_row(Text(label, style="dim"), Text(value))
    return grid
