"""The summary as one picture: cost curves with their exponents, and ratios to peers."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks import _table

COLOURS = {"krr": "#1b6ca8", "distances": "#c8553d", "training": "#4f8a4c", "scale": "#7a4fa3"}
MARKS = "os^Dv<>pX*Ph"


def draw(summary: dict[str, Any], path: Path) -> None:
    """Write the picture."""
    curves = [(name, row) for name, s in _table.done(summary) for row in s["curves"]]
    ratios = [(name, row) for name, s in _table.done(summary) for row in s["ratios"]]
    height = max(5.0, 1.5 + 0.3 * max(len(curves), len(ratios)))
    # Beside the caller's style and backend, both of which stay as they were.
    with matplotlib.rc_context(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure = Figure(figsize=(15, height), layout="constrained")
        left, right = figure.subplots(1, 2)
        draw_curves(left, curves)
        draw_ratios(right, ratios)
        machine = summary["machine"]
        kind = ", tiny sizes" if summary["quick"] else ""
        figure.suptitle(
            f"{machine['processor']}, {machine['cores']} cores, {summary['date']}{kind}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)


def draw_curves(axes: Axes, curves: list[tuple[str, dict[str, Any]]]) -> None:
    """Cost against size, both in units of the smallest size, so that slopes can be compared."""
    for i, (suite, row) in enumerate(curves):
        size, unit = row["sizes"][0], row["median_s"][0]
        x = [value / size for value in row["sizes"]]
        y, low, high = ([v / unit for v in row[key]] for key in ("median_s", "min_s", "max_s"))
        label = f"{suite}: {row['name']}, {row['against']}: {_table.exponent(row)}"
        line = {"color": COLOURS.get(suite, "grey"), "marker": MARKS[i % len(MARKS)], "ms": 5}
        axes.plot(x, y, label=label, lw=1.2, **line)
        axes.fill_between(x, low, high, color=line["color"], alpha=0.12, lw=0)
    axes.set(xscale="log", yscale="log", title="Cost curves: exponent ± standard error")
    axes.set(xlabel="size / smallest size", ylabel="seconds / seconds at the smallest size")
    if curves:
        place = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.1), "ncols": 2}
        axes.legend(fontsize=7, frameon=False, **place)
    plain_numbers(axes.xaxis)
    plain_numbers(axes.yaxis)


def draw_ratios(axes: Axes, ratios: list[tuple[str, dict[str, Any]]]) -> None:
    """How many times faster than each peer, with the spread."""
    for i, (suite, row) in enumerate(ratios):
        middle = row["times_faster"]
        spread = [[middle - row["least"]], [row["largest"] - middle]]
        bar = {"color": COLOURS.get(suite, "grey"), "alpha": 0.8}
        # Bars start at 1: to the right faster than the peer, to the left slower.
        axes.barh(i, middle - 1.0, left=1.0, height=0.6, **bar)
        axes.errorbar(middle, i, xerr=spread, color="black", lw=0.9, capsize=2)
        axes.annotate(f" {middle:.2g}", (max(row["largest"], 1.0), i), va="center", fontsize=8)
    axes.axvline(1.0, color="black", lw=0.8)
    axes.set(xscale="log", title="Times faster than the peer, and its spread")
    axes.set_yticks(
        range(len(ratios)), [f"{row['name']}\nagainst {row['peer']}" for _, row in ratios]
    )
    axes.tick_params(axis="y", labelsize=7)
    axes.invert_yaxis()
    plain_numbers(axes.xaxis)


def plain_numbers(axis: Axis) -> None:
    """Ticks 1, 2, 5, 10, ... in plain words."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
