"""The picture of a fitted law: error against share with the runs beside it, and how well the law meets all runs."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from synthmix_jax.advice import _axes, _distance_plots, _plots, _words

from ._run_table import RunTable

if TYPE_CHECKING:
    from synthmix_jax.theory import SurrogateLaw

    from ._predict import Prediction
else:
    SurrogateLaw = Prediction = Any

_INCHES = (9.2, 5.0)
_OTHERS = 4
_SHARES = np.linspace(0.0, 1.0, 201)


def png(law: SurrogateLaw, table: RunTable, there: Prediction, level: float) -> bytes:
    """The picture as a PNG file's bytes; the same bytes for the same law and runs."""
    return _plots.render(partial(compose, law, table, there, level), _INCHES)


def compose(
    law: SurrogateLaw, table: RunTable, there: Prediction, level: float, figure: Any
) -> None:
    """Draw the picture on an empty figure."""
    figure.set_facecolor("white")
    left = figure.add_axes((0.06, 0.13, 0.56, 0.6))
    right = figure.add_axes((0.71, 0.13, 0.27, 0.6))
    others = groups(table, there)
    _band(law, there, level, left)
    for index, (n, m) in enumerate(others):
        _group(law, table, n, m, index, left)
    _target(law, table, there, left)
    _share_axis(left, there)
    _check(law, table, right)
    _head(law, table, there, level, figure, left)


def groups(table: RunTable, there: Prediction) -> list[tuple[float, float]]:
    """Up to four pairs (n, m) with mixed runs, other than the one predicted: those with most runs, in order."""
    mixed = (table.share > 0) & (table.share < 1)
    pairs = list(zip(table.n[mixed].tolist(), table.m[mixed].tolist(), strict=True))
    known = sorted(set(pairs) - {(float(there.n), float(there.m))})
    if len(known) <= _OTHERS:
        return known
    most = sorted(known, key=pairs.count, reverse=True)
    best = [pair for pair in most if pairs.count(pair) == pairs.count(most[0])]
    if len(best) < _OTHERS:
        return sorted(most[:_OTHERS])
    # Of equals, spread from the fewest points to the most.
    return [best[i] for i in np.linspace(0, len(best) - 1, _OTHERS).round().astype(int)]


def of_pair(table: RunTable, n: float | int, m: float | int) -> np.ndarray:
    """Which runs belong to a pair: at the ends of the share one of the counts does not matter."""
    same_n, same_m = table.n == n, table.m == m
    return np.where(table.share == 0, same_n, np.where(table.share == 1, same_m, same_n & same_m))


def _band(law: SurrogateLaw, there: Prediction, level: float, ax: Any) -> None:
    low, high = law.interval(there.n, there.m, _SHARES, level=level)
    ax.fill_between(_SHARES, low, high, color=_plots.BAND, linewidth=0, zorder=1)


def _group(
    law: SurrogateLaw, table: RunTable, n: float | int, m: float | int, index: int, ax: Any
) -> None:
    """A quiet curve with its runs."""
    color, marker = _distance_plots.COLORS[1:][index], _distance_plots.MARKERS[1:][index]
    ax.plot(
        _SHARES, law.predict(n, m, _SHARES), color=color, linewidth=1.0, zorder=2, label=_name(n, m)
    )
    mine = of_pair(table, n, m)
    style = {"color": color, "markersize": 4.5, "linestyle": "", "zorder": 4, "clip_on": False}
    ax.plot(table.share[mine], table.error[mine], marker, markeredgecolor="white", **style)
    ax.lines[-2].set_marker(marker)
    ax.lines[-2].set_markevery([])


def _target(law: SurrogateLaw, table: RunTable, there: Prediction, ax: Any) -> None:
    """The curve that was asked for, its runs if there are any, and the recommended share."""
    curve = law.predict(there.n, there.m, _SHARES)
    label = f"{_name(there.n, there.m)}, predicted"
    ax.plot(_SHARES, curve, color=_plots.CURVE, linewidth=2.2, zorder=5, label=label)
    mine = of_pair(table, there.n, there.m)
    style = {"color": _plots.CURVE, "linestyle": "", "markeredgecolor": "white", "clip_on": False}
    ax.plot(table.share[mine], table.error[mine], "o", markersize=5.5, zorder=6, **style)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom - 0.14 * (top - bottom), top)
    y = bottom - 0.05 * (top - bottom)
    accent = {"color": _plots.ACCENT}
    low, high = there.share_interval
    ax.plot([low, high], [y, y], linewidth=4, solid_capstyle="butt", zorder=7, **accent)
    ax.plot([there.share] * 2, [y, there.error], linewidth=1.0, zorder=4.5, **accent)
    edge = {"markeredgecolor": "white", "zorder": 8, **accent}
    ax.plot([there.share], [y], "D", markersize=6, **edge)
    ax.plot([there.share], [there.error], "o", markersize=8, **edge)
    to_left = there.share > 0.5
    words = (
        f"best share {_words.number(there.share)} ({_words.number(low)} to {_words.number(high)})"
    )
    put = {"xytext": (-7 if to_left else 7, 0), "textcoords": "offset points", "va": "center"}
    at = (low if to_left else high, y)
    ax.annotate(words, at, ha="right" if to_left else "left", size=_axes.SMALL, **put, **accent)


def _share_axis(ax: Any, there: Prediction) -> None:
    _axes.frame(ax, "Error")
    ax.set_xlim(-0.015, 1.015)
    ax.set_xlabel("synthetic share of the loss  (0: real data alone, 1: synthetic data alone)",
                  size=9, color=_axes.INK)  # fmt: skip
    pooled = there.m / (there.n + there.m)
    ax.axvline(pooled, color=_axes.FAINT, linewidth=0.8, zorder=0.5)
    put = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "size": 7.5}
    side = "right" if pooled > 0.8 else "center"
    ax.annotate("weight one", (pooled, 1.0), xytext=(0, 3), ha=side, color=_axes.MUTED, **put)


def _check(law: SurrogateLaw, table: RunTable, ax: Any) -> None:
    """All runs against what the law says of them, on equal logarithmic axes."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    said = np.asarray(law.predict(table.n, table.m, table.share))
    low = 0.93 * float(min(said.min(), table.error.min()))
    high = 1.07 * float(max(said.max(), table.error.max()))
    ends = np.array([low, high])
    ax.set_xscale("log")
    ax.set_yscale("log")
    spread = np.exp(law.scatter)
    ax.fill_between(ends, ends / spread, ends * spread, color=_axes.FAINT, linewidth=0, zorder=1)
    ax.plot(ends, ends, color=_axes.MUTED, linewidth=1.0, zorder=2)
    for mask, marker, face, name in (
        (table.share == 0, "o", "white", "real alone"),
        ((table.share > 0) & (table.share < 1), "o", _axes.INK, "mixed"),
        (table.share == 1, "s", "white", "synthetic alone"),
    ):
        style = {"color": _axes.INK, "linestyle": "", "markersize": 4, "zorder": 3}
        ax.plot(said[mask], table.error[mask], marker, markerfacecolor=face, label=name, **style)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ticks = [t for t in MaxNLocator(4).tick_values(low, high) if low < t < high]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(_fixed(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    _axes.frame(ax, "Measured error")
    ax.set_xlabel("error by the law", size=9, color=_axes.INK)
    ax.legend(
        loc="upper left", frameon=False, fontsize=7.5, labelcolor=_axes.INK, handletextpad=0.2
    )


def _fixed(ticks: list[float]) -> Any:
    from matplotlib.ticker import FixedLocator

    return FixedLocator(ticks)


def _head(
    law: SurrogateLaw, table: RunTable, there: Prediction, level: float, figure: Any, ax: Any
) -> None:
    """The finding, what it rests on, and whose curve is whose."""
    put = {"x": 0.02, "ha": "left", "va": "top", "parse_math": False}
    title = f"Best synthetic share {_words.number(there.share)} at {_name(there.n, there.m)}"
    figure.text(y=0.97, s=title, size=13, weight="bold", color=_axes.INK, **put)
    doubt = " Conditional: they leave parts of it open." if law.conditional else ""
    outside = " Beyond the runs." if there.beyond else ""
    rests = (
        f"Scaling law fitted to {len(table.error)} runs, which scatter by {_words.percent(law.scatter)}."
        f"{doubt}{outside}"
    )
    figure.text(y=0.905, s=rests, size=9, color=_axes.MUTED, **put)
    handles, names = ax.get_legend_handles_labels()
    figure.legend(
        handles[::-1], names[::-1], loc="upper left", bbox_to_anchor=(0.01, 0.875), ncols=5, frameon=False,
        fontsize=_axes.SMALL, labelcolor=_axes.INK, handlelength=1.6, columnspacing=1.4,
    )  # fmt: skip
    note = f"Pale band: {_words.percent(level)} interval of the law. Grey: one standard deviation of a run."
    figure.text(0.98, 0.015, note, size=7, color=_axes.MUTED, ha="right", va="bottom")


def _name(n: float | int, m: float | int) -> str:
    return f"n = {n:,.0f}, m = {m:,.0f}"
