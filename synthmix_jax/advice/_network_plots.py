"""The picture of an advice from trained networks: error against the ratio, a dot for every network."""

from typing import Any

import numpy as np

from . import _axes, _words
from ._axes import ACCENT, BAND, CURVE
from ._records import Advice, Networks

# The curve may rise this many times the depth of its valley, and its scatter, before it is cut off.
_ROOM = 4.0
# Labels of ticks closer than this fraction of the axis would run into each other.
_APART = 0.075


_AXIS = {
    "misclassified share": "Misclassified, % of held-out real points",
    "one minus Dice": "One minus Dice, % on held-out real images",
    "squared error": "Squared error on held-out real points",
}
_WHAT = {
    "misclassified share": "Share of misclassified",
    "one minus Dice": "One minus Dice on",
    "squared error": "Squared error on",
}


def draw(advice: Advice, nets: Networks, ax: Any) -> None:
    """The mean error with its band, single networks, real data alone, and the recommendation."""
    x, curve = nets.ratios, advice.curve
    scale = 100.0 if nets.classes else 1.0
    first, last = float(x[1]), float(x[-1])
    ax.set_xscale("symlog", linthresh=first, linscale=0.5)
    decades = np.log10(last / first) + 0.55
    ax.set_xlim(-0.06 * first * decades, last * 10 ** (0.03 * decades))
    low, high = _range(advice, nets)
    ax.set_ylim(scale * low, scale * high)

    ends = [np.where(np.isfinite(end), end, curve.error) for end in (curve.low, curve.high)]
    ax.fill_between(x, *(scale * end for end in ends), color=BAND, linewidth=0, zorder=1)
    ax.axhline(scale * advice.real_only_error, color=_axes.MUTED, lw=1.0, dashes=(4, 3), zorder=2)
    put = {"color": CURVE, "alpha": 0.35, "markeredgewidth": 0, "zorder": 2.5}
    for seed in nets.errors.T:
        ax.plot(x, scale * seed, linestyle="", marker="o", markersize=3.5, **put)
    ax.plot(x, scale * curve.error, color=CURVE, linewidth=2.0, marker="o", markersize=4, zorder=3)
    _recommended(advice, nets, ax, scale)
    _axes.frame(
        ax,
        _AXIS[nets.measure],
    )
    _ticks(advice, nets, ax)
    error = scale * curve.error
    shown = np.isfinite(error)
    _axes.name_line_beside(ax, x[shown], error[shown], scale * advice.real_only_error)


def describe(advice: Advice, nets: Networks) -> str:
    """What the picture shows, for those who cannot see it."""
    error, ratios = advice.curve.error, nets.ratios
    best = int(np.nanargmin(error))
    low, high = (_words.ratio(float(ratios[i])) for i in nets.interval)
    what = _WHAT[nets.measure]
    return (
        f"{what} held-out real points against the ratio of synthetic to real data: "
        f"{_words.error(advice, float(error[0]))} without any, least {_words.error(advice, float(error[best]))} at "
        f"{_words.ratio(float(ratios[best]))}, {_words.error(advice, float(error[-1]))} at "
        f"{_words.ratio(float(ratios[-1]))}. Marked: ratio {_words.ratio(float(ratios[nets.index]))} recommended, "
        f"interval {low} to {high}."
    )


def _range(advice: Advice, nets: Networks) -> tuple[float, float]:
    """An error axis that keeps the valley visible: what lies far above it is cut off."""
    error, alone = advice.curve.error, advice.real_only_error
    least = float(np.nanmin(error))
    half = advice.curve.high - error
    near = float(np.median(half[np.isfinite(half)])) if np.isfinite(half).any() else 0.0
    depth = max(alone - least, near, 0.04 * abs(least), 1e-12)
    limit = least + _ROOM * depth
    shown = np.isfinite(error) & (error <= limit)
    dots = nets.errors[shown]
    seen = np.concatenate([dots[np.isfinite(dots)], error[shown], [alone]])
    bottom, top = float(seen.min()), float(min(seen.max(), limit + depth))
    room = max(top - bottom, depth)
    return bottom - 0.24 * room, top + 0.08 * room


def _recommended(advice: Advice, nets: Networks, ax: Any, scale: float) -> None:
    """The recommended ratio on the curve; under it, the interval as a bar with its words."""
    low, high = (float(nets.ratios[i]) for i in nets.interval)
    at, error = float(nets.ratios[nets.index]), scale * float(advice.curve.error[nets.index])
    bottom, top = ax.get_ylim()
    y = bottom + 0.1 * (top - bottom)
    ax.axvspan(low, high, color=ACCENT, alpha=0.05, linewidth=0, zorder=0)
    ax.plot([low, high], [y, y], color=ACCENT, linewidth=4, solid_capstyle="butt", zorder=4)
    ax.plot([at, at], [y, error], color=ACCENT, linewidth=1.0, zorder=2.6)
    style = {"color": ACCENT, "markeredgecolor": "white", "zorder": 5}
    ax.plot([at], [y], marker="D", markersize=6, **style)
    ax.plot([at], [error], marker="o", markersize=8, **style)
    unsure = advice.verdict in ("no clear optimum", "use none")
    ruling = "cannot be ruled out" if unsure else "do about as well"
    words = f"ratios {_words.ratio(low)} to {_words.ratio(high)} {ruling}"
    at_left = _axes.across(ax, low) < 0.65
    ax.annotate(
        "no other ratio does as well" if low == high else words,
        (low if at_left else high, y),
        xytext=(0, -6),
        textcoords="offset points",
        va="top",
        ha="left" if at_left else "right",
        size=_axes.SMALL,
        color=ACCENT,
    )


def _ticks(advice: Advice, nets: Networks, ax: Any) -> None:
    """A tick at every ratio, labelled where there is room: the ratio, and below it the count or the weight."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    last = len(nets.ratios) - 1
    places = [_axes.across(ax, float(ratio)) for ratio in nets.ratios]
    shown: list[int] = []
    for i in (nets.index, 0, last, *range(last)):
        if all(abs(places[i] - places[j]) > _APART for j in shown):
            shown.append(i)
    by_weight = nets.mixing == "weight"
    labels = [""] * (last + 1)
    for i in shown:
        amount = (
            _words.number(float(nets.weights[i]))
            if by_weight
            else _words.integer(int(advice.curve.counts[i]))
        )
        labels[i] = f"{_words.ratio(float(nets.ratios[i]))}\n{amount}"
    ax.xaxis.set_major_locator(FixedLocator(nets.ratios.tolist()))
    ax.xaxis.set_major_formatter(FixedFormatter(labels))
    ax.xaxis.set_minor_locator(NullLocator())
    label = (
        "weight of all synthetic points per real point; below, of each"
        if by_weight
        else "synthetic points per real point; below, their number"
    )
    ax.set_xlabel(label, size=9, color=_axes.INK)
