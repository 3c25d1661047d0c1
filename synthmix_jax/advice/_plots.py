"""The picture of the answer: left-out error against the synthetic count, and how far to trust it.

One accent marks what is recommended; shapes and labels say the rest, so that grey print loses nothing.
"""

import io
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import _adapt_plots, _adapt_words, _axes, _network_plots, _words
from ._axes import ACCENT, BAND, CURVE
from ._records import Advice
from ._tables import nearest

_INCHES = (7.6, 5.4)


def plot(advice: Advice, ax: Any = None) -> Any:
    """Draw the error of real points that took no part against the number of synthetic points (networks: the ratio).

    Args:
        advice: What `recommend` or `judge` returned.
        ax: Matplotlib axes for the curve alone; None for a figure of its own, titled, with the share of
            misclassified points below the curve where there are classes.

    Returns:
        The axes that hold the curve; its `.figure` is the picture.
    """
    if ax is not None and advice.networks is not None:
        _network_plots.draw(advice, advice.networks, ax)
        return ax
    if ax is not None and advice.adaptation is not None and advice.sweep is None:
        _adapt_plots.draw(advice, advice.adaptation, ax)
        return ax
    if ax is not None:
        _draw_error(advice, ax)
        _axes.count_ticks(ax, advice)
        return ax
    from matplotlib import pyplot

    return _compose(advice, pyplot.figure(figsize=_INCHES))


def png(advice: Advice, *, dots_per_inch: int = 200) -> bytes:
    """The picture as a PNG file's bytes, made without touching pyplot's state or the user's style."""
    return render(partial(_compose, advice), _INCHES, dots_per_inch)


def render(
    compose: Callable[[Any], object], inches: tuple[float, float], dots_per_inch: int = 200
) -> bytes:
    """A PNG file's bytes of what `compose` draws on an empty figure; the same bytes every time."""
    import matplotlib
    from matplotlib.figure import Figure

    with (
        matplotlib.rc_context(matplotlib.rcParamsDefault),  # type: ignore[arg-type]
        warnings.catch_warnings(),
    ):
        # A letter of a file name that the font lacks is shown as a box.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=inches)
        compose(figure)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dots_per_inch)
    return file.getvalue()


def describe(advice: Advice) -> str:
    """What the picture shows, for those who cannot see it."""
    curve = advice.curve
    if advice.networks is not None:
        return _network_plots.describe(advice, advice.networks)
    if advice.adaptation is not None and advice.sweep is None:
        return _adapt_plots.describe(advice, advice.adaptation)
    best = int(np.nanargmin(curve.error))
    return (
        f"{_words.capital(_words.measured(advice))} against the number of synthetic points: "
        f"{_words.number(float(curve.error[0]))} without any, least "
        f"{_words.number(float(curve.error[best]))} at {_words.integer(int(curve.counts[best]))}, "
        f"{_words.number(float(curve.error[-1]))} at {_words.integer(int(curve.counts[-1]))}. Marked: "
        f"{_words.integer(advice.count)} recommended, interval {_words.integer(advice.interval[0])} to "
        f"{_words.integer(advice.interval[1])}; real data alone {_words.number(advice.real_only_error)}."
    )


def _compose(advice: Advice, figure: Any) -> Any:
    """Title, curve, and below it the misclassified share."""
    figure.set_facecolor("white")
    if advice.networks is not None:
        ax = figure.subplots()
        figure.subplots_adjust(left=0.08, right=0.965, top=0.77, bottom=0.16)
        _network_plots.draw(advice, advice.networks, ax)
        _title(advice, figure)
        return ax
    if advice.adaptation is not None and advice.sweep is None:
        ax = figure.subplots()
        figure.subplots_adjust(left=0.09, right=0.965, top=0.83, bottom=0.13)
        _adapt_plots.draw(advice, advice.adaptation, ax)
        put = {"x": 0.03, "ha": "left", "va": "top", "parse_math": False}
        figure.text(
            y=0.97, s=_words.headline(advice), size=14, weight="bold", color=_axes.INK, **put
        )
        return ax
    wrong = advice.curve.misclassified
    panels = figure.subplots(
        1 if wrong is None else 2,
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": [1] if wrong is None else [3.2, 1], "hspace": 0.22},
    )[:, 0]
    figure.subplots_adjust(left=0.08, right=0.965, top=0.77, bottom=0.13)
    _draw_error(advice, panels[0])
    if wrong is not None:
        _draw_misclassified(advice, panels[1], wrong)
    _axes.count_ticks(panels[-1], advice)
    _title(advice, figure)
    return panels[0]


def _title(advice: Advice, figure: Any) -> None:
    """The finding, what it rests on, and what it gains."""
    # Names may hold dollar signs, which would be read as formulas.
    put = {"x": 0.03, "ha": "left", "va": "top", "parse_math": False}
    real, synthetic = (shorten(name) for name in advice.names)
    size = int(advice.curve.counts[-1])
    if advice.networks is not None:
        size = advice.pool
    rests = (
        f"{_words.points(advice.num_real, 'real')} ({real}), up to "
        f"{_words.points(size, 'synthetic')} ({synthetic})"
    )
    if advice.adaptation is not None:
        rests = _adapt_words.title(advice.adaptation, real, rests)
    weighted = advice.count and (advice.networks is None or advice.weight != 1.0)
    weight = f"Each at weight {_words.number(advice.weight)}. " if weighted else ""
    gain = f"{weight}Error {_words.change(advice)}, corrected for selection."
    if advice.networks is not None:
        rests = f"{_words.seeds(advice.networks)} at each ratio, {rests}"
    figure.text(y=0.97, s=_words.headline(advice), size=14, weight="bold", color=_axes.INK, **put)
    figure.text(y=0.913, s=rests, size=9, color=_axes.MUTED, **put)
    figure.text(y=0.875, s=gain, size=9, color=_axes.MUTED, **put)
    note = "Pale band: 90 % interval of the difference to the best count."
    if advice.networks is not None:
        note = (
            "Dots: single networks. Pale band: 90 % interval of the difference to the best ratio."
        )
    figure.text(0.965, 0.02, note, size=7.5, color=_axes.MUTED, ha="right", va="bottom")


def _left_out(advice: Advice) -> str:
    about = advice.adaptation
    if about is None:
        return "real points"
    return "target points" if about.case == "labelled target" else "source points, weighted"


def _draw_error(advice: Advice, ax: Any) -> None:
    """The curve, its band, the error of real data alone, and the recommendation."""
    curve, x = advice.curve, advice.curve.counts
    low, high, clipped = _axes.error_range(advice)
    _axes.counts(ax, advice)
    ax.set_ylim(low, high)
    ax.fill_between(x, curve.low, curve.high, color=BAND, linewidth=0, zorder=1)
    ax.axhline(advice.real_only_error, color=_axes.MUTED, linewidth=1.0, dashes=(4, 3), zorder=2)
    marker = "o" if len(x) <= 8 else ""
    ax.plot(x, curve.error, color=CURVE, linewidth=2.0, marker=marker, markersize=4, zorder=3)
    _recommended(advice, ax)
    _axes.frame(ax, f"Error of left-out {_left_out(advice)}")
    _axes.ratios(ax, advice)
    _axes.name_line(ax, advice)
    if clipped:
        _axes.say_clipped(ax, advice)


def _recommended(advice: Advice, ax: Any) -> None:
    """The recommended count on the curve; under it, its interval as a bar."""
    low, high = advice.interval
    bottom, top = ax.get_ylim()
    y = bottom + 0.1 * (top - bottom)
    at = float(advice.curve.error[nearest(advice, advice.count)])
    ax.axvspan(low, high, color=ACCENT, alpha=0.05, linewidth=0, zorder=0)
    ax.plot([low, high], [y, y], color=ACCENT, linewidth=4, solid_capstyle="butt", zorder=4)
    ax.plot([advice.count] * 2, [y, at], color=ACCENT, linewidth=1.0, zorder=2.5)
    style = {"color": ACCENT, "markeredgecolor": "white", "zorder": 5}
    ax.plot([advice.count], [y], marker="D", markersize=6, **style)
    ax.plot([advice.count], [at], marker="o", markersize=8, **style)
    _axes.name_interval(ax, advice, y, ACCENT)


def _draw_misclassified(advice: Advice, ax: Any, wrong: np.ndarray) -> None:
    """Share of left-out real points misclassified, in percent."""
    from matplotlib.ticker import MaxNLocator

    x, values = advice.curve.counts, 100.0 * wrong
    marker = "o" if len(x) <= 8 else ""
    ax.plot(x, values, color=_axes.INK, linewidth=1.2, marker=marker, markersize=3)
    at = float(values[nearest(advice, advice.count)])
    ax.plot([advice.count], [at], "o", color=ACCENT, markeredgecolor="white", markersize=7)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    pad = max(0.2 * (high - low), 1.0)
    ax.set_ylim(max(low - pad, -0.4 * pad), high + pad)
    ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    _axes.frame(ax, f"Misclassified, % of left-out {_left_out(advice)}")


def shorten(name: str, length: int = 28) -> str:
    """A name on one line, its middle left out if long, without what no text can hold."""
    name = " ".join(name.encode("utf-8", errors="replace").decode("utf-8").split())
    if len(name) <= length:
        return name
    half = (length - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
