"""Axes of the picture: counts from zero over orders of magnitude, an error range that keeps the valley visible."""

from typing import Any

import numpy as np

from . import _words
from ._records import Advice

INK, MUTED, FAINT = "#22303c", "#66737f", "#dfe4e8"
CURVE, BAND, ACCENT = "#1b5e9b", "#c9dcee", "#c2410c"
SMALL = 8.0
# The curve may rise this many times the depth of its valley before it is cut off.
_ROOM = 4.0
# Width and height of the words "real data alone", as fractions of the axes.
_WORDS = (0.21, 0.07)


def counts(ax: Any, advice: Advice) -> None:
    """The axis of counts: linear from zero to a small count, logarithmic beyond.

    Zero is a place of its own; on a plain logarithmic axis real data alone would have none. Before drawing.
    """
    x = advice.curve.counts
    last, threshold = int(x[-1]), linear_up_to(advice)
    ax.set_xscale("symlog", linthresh=threshold, linscale=0.45)
    decades = np.log10(max(last / threshold, 1.0)) + 0.5
    ax.set_xlim(-0.06 * threshold * decades, last * 10 ** (0.03 * decades))


def count_ticks(ax: Any, advice: Advice) -> None:
    """Ticks and label of the axis of counts. After drawing, on the lowest of the panels that share it."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    ticks = tick_counts(advice.curve.counts, linear_up_to(advice))
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FixedFormatter([_words.integer(t) for t in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("synthetic points added", size=9, color=INK)


def linear_up_to(advice: Advice) -> int:
    """Where the axis turns logarithmic: at the power of ten below n / 5 and below what is recommended."""
    x, high = advice.curve.counts, advice.interval[1]
    first, last = int(x[1]), int(x[-1])
    small = min(c for c in (advice.num_real / 5, advice.count, high) if c > 0)
    power = 10 ** int(np.floor(np.log10(max(small, 1))))
    return int(np.clip(power, first, max(last // 10, first)))


def tick_counts(x: np.ndarray, threshold: int) -> list[int]:
    """Zero, round counts, and the last one; or every count where there are few."""
    if len(x) <= 6:
        return [int(c) for c in x]
    last = int(x[-1])
    steps = (1,) if last / threshold >= 100 else (1, 2, 5)
    round_counts = [s * 10**d for d in range(13) for s in steps]
    # A tick too near the last one would run into it.
    return [0, *(c for c in round_counts if threshold <= c < last / 1.6), last]


def ratios(ax: Any, advice: Advice) -> None:
    """Mark at the top edge where synthetic points equal the real ones, and twice as many."""
    n, last = advice.num_real, int(advice.curve.counts[-1])
    at = [across(ax, times * n) for times in (1, 2)]
    put = {"xycoords": "axes fraction", "textcoords": "offset points", "size": 7.5, "color": MUTED}
    for times, x in zip((1, 2), at, strict=True):
        # Left out where it would run into zero or into the other one.
        if times * n > last or x < 0.1 or (times == 2 and x - at[0] < 0.06):
            continue
        ax.axvline(times * n, color=FAINT, linewidth=0.8, zorder=0.5)
        ax.annotate(f"{times} : 1", (x, 1.0), xytext=(0, 3), ha="center", **put)
        if times == 1 and x > 0.3:
            ax.annotate("synthetic : real", (x, 1.0), xytext=(-14, 3), ha="right", **put)


def error_range(advice: Advice) -> tuple[float, float, bool]:
    """Lower and upper end of the error axis, and whether the curve leaves it."""
    curve, alone = advice.curve, advice.real_only_error
    error = curve.error[np.isfinite(curve.error)]
    least = min(float(error.min()), alone)
    near = float(np.nanmedian(curve.high - curve.error))
    depth = max(alone - least, min(near, 0.5 * abs(least)), 0.04 * abs(least), 1e-300)
    limit = least + _ROOM * depth
    top = min(max(float(error.max()), alone + 0.3 * depth), limit)
    seen = curve.low[np.isfinite(curve.error) & (curve.error <= limit)]
    bottom = max(min([*seen, least]), least - depth)
    room = top - bottom
    return bottom - 0.24 * room, top + 0.12 * room, bool(error.max() > limit)


def name_line(ax: Any, advice: Advice) -> None:
    """Write "real data alone" on its line where the curve is not."""
    name_line_beside(ax, advice.curve.counts, advice.curve.error, advice.real_only_error)


def name_line_beside(ax: Any, places: np.ndarray, error: np.ndarray, alone: float) -> None:
    """Write "real data alone" on the line at `alone` where a curve is not: from the right, above or below."""
    bottom, top = ax.get_ylim()
    y = (alone - bottom) / (top - bottom)
    x_curve = np.array([across(ax, float(place)) for place in places])
    y_curve = (error - bottom) / (top - bottom)
    width, height = _WORDS
    fine = np.linspace(0, 1, 200)
    curve = np.interp(fine, x_curve, y_curve)

    def is_free(right: float, below: bool) -> bool:
        under = curve[(fine > right - width) & (fine <= right)]
        low = y - height if below else y
        return bool(np.all((under < low) | (under > low + height)))

    corners = [(right, below) for right in (1.0, 0.8, 0.6, 0.4) for below in (False, True)]
    right, below = next((corner for corner in corners if is_free(*corner)), corners[0])
    ax.annotate(
        "real data alone",
        (right, alone),
        xycoords=("axes fraction", "data"),
        xytext=(-2, -4 if below else 3),
        textcoords="offset points",
        ha="right",
        va="top" if below else "bottom",
        size=SMALL,
        color=MUTED,
    )


def say_clipped(ax: Any, advice: Advice) -> None:
    """Say where a curve that leaves the picture goes."""
    curve, top = advice.curve, ax.get_ylim()[1]
    for end, side in ((-1, "right"), (0, "left")):
        if not curve.error[end] > top:
            continue
        where = (
            f"{_words.number(float(curve.error[end]))} at {_words.integer(int(curve.counts[end]))}"
        )
        ax.annotate(
            f"outside the picture: {where}",
            (1.0 if end else 0.0, 1.0),
            xycoords="axes fraction",
            xytext=(-4 if end else 4, -4),
            textcoords="offset points",
            ha=side,
            va="top",
            size=SMALL,
            color=INK,
        )


def name_interval(ax: Any, advice: Advice, y: float, color: str) -> None:
    """Write the interval under its bar, on the side that has room."""
    low, high = advice.interval
    ruling = (
        "cannot be ruled out"
        if advice.verdict in ("no clear optimum", "use none")
        else "do about as well"
    )
    words = f"{_words.integer(low)} to {_words.integer(high)} {ruling}"
    if low == high:
        words = "no other count does as well"
    at_left = across(ax, low) < 0.65
    ax.annotate(
        words,
        (low if at_left else high, y),
        xytext=(0, -6),
        textcoords="offset points",
        va="top",
        ha="left" if at_left else "right",
        size=SMALL,
        color=color,
    )


def across(ax: Any, count: float | int) -> float:
    """Where a count or ratio lies on the axis, as a fraction of its width."""
    place = ax.transData.transform([(count, ax.get_ylim()[0])])
    return float(ax.transAxes.inverted().transform(place)[0, 0])


def frame(ax: Any, label: str) -> None:
    """Two quiet spines, horizontal grid lines, and the label above, where it can be read."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)
    ax.tick_params(labelcolor=MUTED, labelsize=SMALL, length=3, color=FAINT)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_title(label, loc="left", size=9, color=INK, pad=4)
