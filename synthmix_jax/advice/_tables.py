"""The numbers a reader looks for: a few key ones, and the curve at telling counts."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthmix_jax import kernels, mixing

from . import _adapt_words, _approximation, _network_tables, _words
from ._records import Advice


@dataclass(frozen=True)
class Row:
    """One count of the curve.

    Attributes:
        count: Synthetic points.
        error: Left-out error there.
        difference: Error less that of the best count.
        half: Half the width of its 90 % interval.
        misclassified: Share of left-out real points misclassified, or None.
        note: Why this count is shown.
    """

    count: int
    error: float
    difference: float
    half: float
    misclassified: float | None
    note: str


def share(advice: Advice) -> float:
    """Share of the total weight that the recommended synthetic points carry."""
    if advice.count == 0:
        return 0.0
    about = advice.adaptation
    real = float(advice.num_real)
    if about is not None and about.case == "labelled target":
        real = about.num_source * about.mix.source + about.num_target * about.mix.target_weight
    return float(mixing.share(real, advice.count, advice.weight))


def key_numbers(advice: Advice) -> list[tuple[str, str]]:
    """Label and value of what a reader looks for first."""
    if advice.networks is not None:
        return _network_tables.key_numbers(advice, advice.networks)
    assert advice.ridge is not None
    assert advice.kernel is not None
    low, high = map(_words.integer, advice.interval)
    amount = f"{_words.integer(advice.count)} of {_words.integer(advice.pool)} (interval {low} to {high})"
    rows = [("synthetic points", amount), ("per real point", _words.ratio(advice.ratio))]
    if advice.adaptation is not None:
        rows += _adapt_words.key_numbers(advice.adaptation, advice.count > 0)
    if advice.count:
        rows.append(("weight of each", _words.number(advice.weight)))
        rows.append(("share of the total weight", _words.percent(share(advice))))
    if math.isfinite(advice.error):
        errors = _from_to(advice.real_only_error, advice.error, _words.number)
        rows.append(("left-out error", errors))
    wrong = misclassified(advice)
    if wrong is not None:
        rows.append(("left-out misclassified", _from_to(*wrong, _words.percent)))
    if math.isfinite(advice.gain):
        rows.append(("expected change of the error", _words.change(advice)))
    rows.append(("kernel", kernels.describe(advice.kernel)))
    approximated = _approximation.words(advice.settings)
    if approximated is not None:
        rows.append(("kernel approximated by", approximated))
    rows.append(("ridge", _words.number(advice.ridge)))
    return rows


def misclassified(advice: Advice) -> tuple[float, float] | None:
    """Share of real points misclassified when left out: real data alone, and as recommended."""
    if advice.networks is not None or advice.sweep is None:
        return None
    shares, errors = advice.sweep.loo_misclassified, advice.sweep.loo_error
    if shares is None or errors is None or advice.curve.misclassified is None:
        return None
    # Without synthetic points their weight means nothing, but in domain adaptation those of real points differ.
    mixes = len(errors) if advice.adaptation is not None else 1
    without = errors[:mixes, :, 0]
    if not np.isfinite(without).any():
        return None
    alone = shares[:mixes, :, 0].flat[int(np.nanargmin(without))]
    return float(alone), float(advice.curve.misclassified[nearest(advice, advice.count)])


def nearest(advice: Advice, count: int) -> int:
    """Index of the count of the curve nearest to this one."""
    return int(np.argmin(np.abs(advice.curve.counts - count)))


def telling_counts(advice: Advice) -> list[Row]:
    """The curve at the few counts that tell its story: none, 1 : 1, 2 : 1, the recommended one, the pool.

    A curve of few counts is shown whole.
    """
    n, (low, high) = advice.num_real, advice.interval
    # Where two of these fall on one count of the grid, the first one names it.
    wanted = [
        (0, "no synthetic data" if advice.count else "recommended"),
        (advice.count, "recommended"),
        (advice.pool, "whole pool"),
        (low, "start of the interval"),
        (high, "end of the interval"),
        (n, "about 1 : 1"),
        (2 * n, "about 2 : 1"),
        (5 * n, "about 5 : 1"),
        (n // 2, "about 1 : 2"),
    ]
    notes: dict[int, str] = {}
    for count, note in wanted:
        index = nearest(advice, count)
        # A ratio the grid does not hold, or beyond the pool, would be mislabelled.
        if abs(advice.curve.counts[index] - count) <= 0.15 * count:
            notes.setdefault(index, note)
    if len(advice.curve.counts) <= len(wanted):
        notes = {index: notes.get(index, "") for index in range(len(advice.curve.counts))}
    return [_row(advice, index, note) for index, note in sorted(notes.items())]


def _from_to(before: float, after: float, write: Any) -> str:
    return f"{write(before)} with real data alone, {write(after)} as recommended"


def _row(advice: Advice, index: int, note: str) -> Row:
    curve = advice.curve
    wrong = curve.misclassified
    return Row(
        int(curve.counts[index]),
        float(curve.error[index]),
        float(curve.error[index] - np.nanmin(curve.error)),
        float(curve.high[index] - curve.error[index]),
        None if wrong is None else float(wrong[index]),
        note,
    )
