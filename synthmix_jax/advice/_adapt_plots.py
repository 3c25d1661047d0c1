"""The picture where nothing of the target is known: the bound's best share against what nobody has measured."""

from typing import Any

import numpy as np

from synthmix_jax import mixing

from . import _adapt_bound, _axes, _words
from ._records import Adaptation, Advice


def draw(advice: Advice, about: Adaptation, ax: Any) -> None:
    """Best synthetic share of the loss against how far the synthetic points miss the target, by constant."""
    equal = mixing.share(about.num_source, advice.pool)
    x = 100 * np.array(_adapt_bound.FRACTIONS)
    ax.axhline(100 * equal, color=_axes.MUTED, linewidth=1.0, dashes=(4, 3))
    ax.annotate(
        "weight 1",
        (0.0, 100 * equal),
        xytext=(2, 3),
        textcoords="offset points",
        size=_axes.SMALL,
        color=_axes.MUTED,
    )
    for constant, width in zip(_adapt_bound.CONSTANTS, (1.0, 2.0, 3.0), strict=True):
        y = 100 * np.array(_adapt_bound.best_shares(about.num_source, advice.pool, constant))
        label = f"n xi D / S = {constant:g}"
        ax.plot(x, y, color=_axes.CURVE, linewidth=width, marker="o", markersize=4, label=label)
    ax.set_ylim(-4, 108)
    ax.legend(loc="lower left", frameon=False, fontsize=_axes.SMALL, labelcolor=_axes.MUTED)
    _axes.frame(ax, "Best synthetic share of the loss by the bound, %")
    ax.set_xlabel(
        "distance of the synthetic points to the target, % of D, their distance to the source (not measured)",
        size=9,
        color=_axes.INK,
    )


def describe(advice: Advice, about: Adaptation) -> str:
    """What the picture shows, for those who cannot see it."""
    equal = mixing.share(about.num_source, advice.pool)
    return (
        "Best synthetic share of the loss by the stability bound, against how far the synthetic points miss the "
        f"target as a part of their distance to the source: {_words.percent(equal)}, that of weight one, at a "
        "half; "
        "more below, less above, the more so the larger the bound's constant."
    )
