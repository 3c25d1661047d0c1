"""Class against class as heat maps: which real class each synthetic class is nearest to, one map a generator."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _axes, _distance_words, _plots
from ._distance_words import Table

# Dark is near: on the diagonal, if each class of the generator is like its own.
COLORS = "Blues_r"
NEAREST = "#D55E00"
NUMBERED, NAMED = 12, 30
SHOWN = 4
# All in inches: one map, its labels left and below, the title above, the colour bar.
_SIDE, _BELOW, _ABOVE, _BAR = 3.3, 0.9, 0.42, 0.75


def width(table: Table) -> float:
    """Inches that the maps take, colour bar included."""
    return _shape(table)[1] * (_side(table) + _left(table)) + _BAR


def height(table: Table) -> float:
    """Inches from the top of the first panel to the bottom of the last."""
    down = _shape(table)[0]
    return down * (_side(table) + _BELOW) + (down - 1) * _ABOVE - _BELOW + 0.35


def draw(table: Table, figure: Any, left: float, above: float) -> None:
    """Draw the maps on the right of a figure.

    Args:
        table: With class distances.
        figure: Matplotlib figure.
        left: Where the room begins, in inches.
        above: Inches left free above.
    """
    whole_width, whole_height = figure.get_size_inches()
    side, columns = _side(table), _shape(table)[1]
    names = list(table.class_distances)[:SHOWN]
    scale, power = _range(table)
    image = None
    for index, name in enumerate(names):
        down, across = divmod(index, columns)
        x = left + _left(table) + across * (side + _left(table))
        y = whole_height - above - side - down * (side + _BELOW + _ABOVE)
        ax = figure.add_axes(
            (x / whole_width, y / whole_height, side / whole_width, side / whole_height)
        )
        image = _map(table, name, ax, scale, power)
        if index == 0:
            x = left + width(table) - _BAR + 0.12
            box = (x / whole_width, y / whole_height, 0.12 / whole_width, side / whole_height)
            _bar(figure, image, figure.add_axes(box), power)


def _shape(table: Table) -> tuple[int, int]:
    """Maps down and across: one below the other as long as there are two."""
    count = min(len(table.class_distances), SHOWN)
    return (min(count, 2), 1 if count <= 2 else 2)


def _side(table: Table) -> float:
    return _SIDE if len(table.class_distances) > 1 else 1.35 * _SIDE


def _left(table: Table) -> float:
    """Room for class names."""
    return 0.55 + 0.07 * max(map(len, _labels(table)), default=0)


def _labels(table: Table) -> list[str]:
    k = len(next(iter(table.class_distances.values())))
    return [_plots.shorten(_distance_words.label(table, i), 11) for i in range(k)]


def _range(table: Table) -> tuple[tuple[float, float], int]:
    """Least and largest distance, the same for all maps, and the power of ten that numbers are divided by."""
    drawn = list(table.class_distances.values())[:SHOWN]
    values = np.concatenate([np.asarray(v, float).ravel() for v in drawn])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    power = math.floor(math.log10(high)) if high > 0 else 0
    return (low, high if high > low else low + 1.0), 0 if -2 <= power <= 2 else power


def _map(table: Table, name: str, ax: Any, scale: tuple[float, float], power: int) -> Any:
    import matplotlib

    values = np.asarray(table.class_distances[name], float)
    colors = matplotlib.colormaps[COLORS].with_extremes(bad="#eeeeee")
    image = ax.imshow(values, cmap=colors, vmin=scale[0], vmax=scale[1], aspect="auto")
    _names(table, ax, len(values))
    title = "W2 between classes"
    hidden = len(table.class_distances) - SHOWN
    last = hidden > 0 and list(table.class_distances).index(name) == SHOWN - 1
    if len(table.num_synthetic) > 1:
        short = _plots.shorten(_distance_words.one_line(name), 10 if last else 24)
        title += f": {short} ({hidden} more not drawn)" if last else f": {short}"
    ax.set_title(title, loc="left", size=9, color=_axes.INK, pad=5, parse_math=False)
    if len(values) <= NUMBERED:
        _numbers(ax, image, values, scale[1], power)
    if len(values) > 1:
        _nearest(ax, values)
    return image


def _names(table: Table, ax: Any, k: int) -> None:
    """Class names on both axes, every one or every few; slanted where they are long."""
    step = math.ceil(k / NAMED)
    places = list(range(0, k, step))
    names = _labels(table)[::step]
    size = 7.5 if len(places) <= 15 else 6.0
    slant = 90 if max(map(len, names), default=0) > 2 else 0
    ax.set_xticks(places)
    ax.set_yticks(places)
    ax.set_xticklabels(names, parse_math=False, rotation=slant, size=size)
    ax.set_yticklabels(names, parse_math=False, size=size)
    ax.tick_params(length=0, labelcolor=_axes.MUTED)
    ax.set_ylabel("real class", size=_axes.SMALL, color=_axes.INK)
    ax.set_xlabel(
        "synthetic class (outlined: nearest real class)", size=_axes.SMALL, color=_axes.INK
    )
    for spine in ax.spines.values():
        spine.set_visible(False)


def _numbers(ax: Any, image: Any, values: np.ndarray, high: float, power: int) -> None:
    """Two digits of the largest number in every cell, in black or white, whichever stands out."""
    size = min(9.0, 72 * _SIDE / max(len(values), 1) / 3.2)
    for i, j, text in cell_texts(values, high, power):
        red, green, blue, _ = image.to_rgba(values[i, j])
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45
        color = _axes.INK if light or text == "-" else "white"
        ax.text(j, i, text, ha="center", va="center", size=size, color=color)


def cell_texts(values: np.ndarray, high: float, power: int) -> Iterator[tuple[int, int, str]]:
    """Row, column and text of each cell."""
    decimals = 0
    if high > 0:
        decimals = max(0, 1 - math.floor(math.log10(high / 10.0**power)))
    for i, j in np.ndindex(values.shape):
        value = values[i, j]
        yield i, j, f"{value / 10.0**power:.{decimals}f}" if np.isfinite(value) else "-"


def _nearest(ax: Any, values: np.ndarray) -> None:
    """Outline, in each column, the real class of least distance."""
    from matplotlib.patches import Rectangle

    for j in range(values.shape[1]):
        if np.isfinite(values[:, j]).any():
            i = int(np.nanargmin(values[:, j]))
            ax.add_patch(
                Rectangle((j - 0.44, i - 0.44), 0.88, 0.88, fill=False, ec=NEAREST, lw=1.3)
            )


def _bar(figure: Any, image: Any, ax: Any, power: int) -> None:
    from matplotlib.ticker import FuncFormatter

    bar = figure.colorbar(image, cax=ax)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / 10.0**power:g}"))
    bar.ax.tick_params(labelsize=7, labelcolor=_axes.MUTED, length=2, color=_axes.FAINT)
    if power:
        bar.ax.set_title(f"x 1e{power}", size=7, color=_axes.MUTED, pad=4)
