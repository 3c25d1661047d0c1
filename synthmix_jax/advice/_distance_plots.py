"""The picture of a table of distances: every metric beside its floor, classes, and which class lies near which.

Left, in units of the upper end of the floor, so that metrics compare: the line at one is the most that single real
samples show. Filled markers are told apart by the paired interval of value less floor, which sees more than the
line does; hollow ones are not. So grey print loses nothing.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import _axes, _distance_matrices, _distance_words, _plots, _words
from ._distance_words import Row, Table

# Okabe and Ito's colours, kept apart by every kind of colour vision, dark ones first.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vP"
FLOOR = "#b9c2ca"
_UNIT = "distance / upper end of what real points show"
# All in inches.
_LEFT, _PANEL, _RIGHT, _TOP, _BOTTOM, _GAP = 1.75, 3.9, 0.25, 1.25, 0.9, 0.75
_CLASSES = 12


@dataclass(frozen=True)
class Panel:
    """One panel of the left side.

    Attributes:
        title: What stands above it.
        lines: Name, note, and the rows that share the place, one a generator.
        height: In inches.
    """

    title: str
    lines: list[tuple[str, str, list[Row]]]
    height: float


def png(table: Table, *, dots_per_inch: int = 160) -> bytes:
    """The picture as a PNG file's bytes; the same bytes for the same table."""
    return _plots.render(partial(compose, table), inches(table), dots_per_inch)


def inches(table: Table) -> tuple[float, float]:
    """Width and height of the picture."""
    return _layout(table)[1:]


def describe(table: Table) -> str:
    """What the picture shows, for those who cannot see it."""
    return " ".join([*_distance_words.summary(table), *_distance_words.class_summary(table)])


def compose(table: Table, figure: Any) -> None:
    """Draw the picture on an empty figure of the size `inches`."""
    panels, width, height = _layout(table)
    figure.set_facecolor("white")
    above = _above(table, width)
    top = height - above
    # One scale for all panels, so that classes compare with the whole.
    drawn = [row for panel in panels for *_, rows in panel.lines for row in rows]
    for panel in panels:
        box = (_LEFT / width, (top - panel.height) / height, _PANEL / width, panel.height / height)
        ax = figure.add_axes(box)
        _draw(table, panel, ax)
        _scale(ax, drawn)
        if panel is panels[-1]:
            ax.set_xlabel(_UNIT, size=_axes.SMALL, color=_axes.INK)
        top -= panel.height + _GAP
    _head(table, figure, width, height)
    level = _distance_words.level(table)
    note = (
        f"Filled: the paired {level} interval of value less floor is above zero.\n"
        f"Bar: {level} of real against real; tick: its mean."
    )
    figure.text(
        _LEFT / width, 0.09 / height, note, size=7, color=_axes.MUTED, ha="left", va="bottom"
    )
    if table.class_distances:
        left = _LEFT + _PANEL + _RIGHT
        _distance_matrices.draw(table, figure, left, above)


def _layout(table: Table) -> tuple[list[Panel], float, float]:
    """Panels of the left side; width and height of the whole."""
    panels = [_metrics(table), *_by_class(table)]
    height = sum(panel.height for panel in panels) + _GAP * (len(panels) - 1)
    width = _LEFT + _PANEL + _RIGHT
    if table.class_distances:
        height = max(height, _distance_matrices.height(table))
        # One panel alone is not pulled out to the height of the matrices beside it.
        if len(panels) > 1:
            panels[-1] = Panel(
                panels[-1].title,
                panels[-1].lines,
                height - panels[0].height - _GAP,
            )
        width += _distance_matrices.width(table)
    return panels, width, height + _above(table, width) + _BOTTOM


def _above(table: Table, width: float) -> float:
    """Room for the title and as many lines as the names of the generators take."""
    return _TOP + 0.19 * (math.ceil((len(table.num_synthetic) + 1) / _names_a_line(width)) - 1)


def _names_a_line(width: float) -> int:
    return max(2, int(width / 2.3))


def _metrics(table: Table) -> Panel:
    lines = []
    for metric in dict.fromkeys(row.metric for row in table.rows if row.label is None):
        rows = [r for r in table.rows if r.label is None and r.metric == metric]
        ends = {r.floor_high for r in rows if math.isfinite(r.floor_high)}
        note = f"1 = {_words.number(ends.pop())}" if len(ends) == 1 else ""
        lines.append((_plots.shorten(_spaced(metric), 22), note, rows))
    each = max(0.46, 0.2 * len(table.num_synthetic))
    return Panel("All points", lines, each * max(len(lines), 2))


def _spaced(metric: str) -> str:
    return _distance_words.one_line(metric.replace("_", " "))


def _by_class(table: Table) -> list[Panel]:
    """The first metric that has rows of single classes; of many classes those that are told apart most."""
    rows = [row for row in table.rows if row.label is not None]
    if not rows:
        return []
    metric = rows[0].metric
    of_class: dict[int, list[Row]] = {}
    for row in rows:
        if row.metric == metric and row.label is not None:
            of_class.setdefault(row.label, []).append(row)

    def worst(label: int) -> float:
        ratios = [_distance_words.times(row) for row in of_class[label]]
        return max((ratio for ratio in ratios if math.isfinite(ratio)), default=-math.inf)

    shown = sorted(sorted(of_class, key=worst, reverse=True)[:_CLASSES])
    title = f"By class: {_plots.shorten(_spaced(metric), 22)}"
    if len(shown) < len(of_class):
        title += f", worst {len(shown)} of {len(of_class)} classes"
    name = lambda label: _plots.shorten(_distance_words.label(table, label), 18)
    lines = [(name(label), "", of_class[label]) for label in shown]
    each = max(0.24, 0.1 * len(table.num_synthetic))
    return [Panel(title, lines, each * max(len(lines), 4))]


def _draw(table: Table, panel: Panel, ax: Any) -> None:
    order = _distance_words.generators(table)
    step = 0.62 / len(order)
    for place, (_, note, rows) in enumerate(panel.lines):
        for row in rows:
            at = order.index(row.synthetic)
            _point(ax, row, place + step * (at - (len(order) - 1) / 2), at)
        if note:
            put = {"xytext": (-3.5, -3), "textcoords": "offset points", "annotation_clip": False}
            where = ((0, place), ("axes fraction", "data"))
            ax.annotate(
                note,
                where[0],
                xycoords=where[1],
                ha="right",
                va="top",
                size=6.5,
                color=_axes.MUTED,
                **put,
            )
    ax.set_ylim(len(panel.lines) - 0.5, -0.5)
    ax.set_yticks(range(len(panel.lines)))
    labels = ax.set_yticklabels([line[0] for line in panel.lines], parse_math=False)
    ax.axvline(1.0, color=_axes.INK, linewidth=0.9, zorder=1)
    _axes.frame(ax, panel.title)
    ax.grid(visible=False)
    ax.tick_params(axis="y", length=0, labelcolor=_axes.INK)
    for label, line in zip(labels, panel.lines, strict=True):
        label.set_verticalalignment("bottom" if line[1] else "center")


def _point(ax: Any, row: Row, y: float, index: int) -> None:
    """Value with its interval over the floor's bar, all divided by the upper end of the floor."""
    unit = row.floor_high
    if not math.isfinite(_distance_words.times(row)):
        words = "not computed" if not _distance_words.computed(row) else "the floor is zero"
        put = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        where = ("axes fraction", "data")
        ax.annotate(words, (0, y), xycoords=where, size=6.5, color=_axes.MUTED, **put)
        return
    ax.plot(
        [row.floor_low / unit, 1.0],
        [y, y],
        color=FLOOR,
        linewidth=4.5,
        solid_capstyle="butt",
        zorder=2,
    )
    ax.plot(
        [row.floor / unit], [y], "|", color=_axes.INK, markersize=6, markeredgewidth=1.1, zorder=3
    )
    color, marker = COLORS[index % len(COLORS)], MARKERS[index % len(MARKERS)]
    ax.plot([row.low / unit, row.high / unit], [y, y], color=color, linewidth=1.4, zorder=4)
    face = color if row.above else "white"
    ax.plot(
        [row.value / unit], [y], marker, color=color, markerfacecolor=face, markersize=5.5, zorder=5
    )


def _scale(ax: Any, rows: list[Row]) -> None:
    """Linear from zero, or logarithmic beyond one where values lie far apart."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    drawn = [row for row in rows if math.isfinite(_distance_words.times(row))]
    ends = [v / r.floor_high for r in drawn for v in (r.value, r.low, r.high, r.floor_low)]
    ends = [end for end in ends if math.isfinite(end)]
    low, high = min([0.0, *ends]), max([1.25, *ends])
    if high > 8 or low < -8:
        ax.set_xscale("symlog", linthresh=1.0, linscale=0.7)
        low, high = 1.3 * low if low < -1 else 1.06 * low, 1.25 * high
        ax.xaxis.set_major_locator(FixedLocator(_ticks(low, high)))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        low, high = 1.06 * low, 1.06 * high
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.set_xlim(low, high)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _ticks(low: float, high: float) -> list[float]:
    """Zero, one and round numbers beyond, on either side."""
    decades = math.ceil(math.log10(max(high, -low)))
    steps = (1, 2, 5) if decades <= 2 else (1,)
    every = math.ceil(decades / 5)
    ends = [float(step * 10**d) for d in range(0, decades + 1, every) for step in steps]
    return [tick for tick in (*(-end for end in reversed(ends)), 0.0, *ends) if low <= tick <= high]


def _head(table: Table, figure: Any, width: float, height: float) -> None:
    """The finding, what it rests on, and whose marker is whose."""
    from matplotlib.lines import Line2D

    put = {"ha": "left", "va": "top", "parse_math": False}
    title = "How far synthetic points are from real ones"
    figure.text(
        0.2 / width, 1 - 0.16 / height, title, size=13, weight="bold", color=_axes.INK, **put
    )
    room = int((width - 0.5) / 0.072)
    on = _plots.shorten(f"On {_distance_words.one_line(table.features)}", room)
    figure.text(0.2 / width, 1 - 0.47 / height, on, size=_axes.SMALL, color=_axes.MUTED, **put)
    handles = [
        Line2D(
            [], [], color=COLORS[i % len(COLORS)], marker=MARKERS[i % len(MARKERS)], markersize=5
        )
        for i in range(len(table.num_synthetic))
    ]
    names = [_plots.shorten(_distance_words.one_line(n), 24) for n in table.num_synthetic]
    handles.append(Line2D([], [], color=FLOOR, linewidth=4.5))
    names.append("real against real")
    legend = figure.legend(
        handles, names, loc="upper left", bbox_to_anchor=(0.1 / width, 1 - 0.62 / height),
        ncols=_names_a_line(width), frameon=False, fontsize=_axes.SMALL, handlelength=1.6, columnspacing=1.4,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
        text.set_color(_axes.INK)
