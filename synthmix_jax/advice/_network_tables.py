"""Numbers of an advice from trained networks: key ones, ratio by ratio, and those for the file."""

import dataclasses
import math
from typing import Any

import numpy as np

from synthmix_jax import mixing

from . import _words
from ._records import Advice, Networks, Tested


def key_numbers(advice: Advice, nets: Networks) -> list[tuple[str, str]]:
    """Label and value of what a reader looks for first."""
    low, high = map(_words.integer, advice.interval)
    amount = f"{_words.integer(advice.count)} of {_words.integer(advice.pool)}"
    by_weight = nets.mixing == "weight"
    if not by_weight:
        amount += f" (interval {low} to {high})"
    rows = [("synthetic points", amount), ("per real point", _words.ratio(advice.ratio))]
    if by_weight:
        low, high = (_words.number(float(nets.weights[i])) for i in nets.interval)
        rows.append(
            ("weight of each", f"{_words.number(advice.weight)} (interval {low} to {high})")
        )
    elif advice.count:
        rows.append(("weight of each", _words.number(advice.weight)))
    if advice.count:
        share = mixing.share(advice.num_real, advice.count, advice.weight)
        rows.append(("share of the total weight", _words.percent(float(share))))
    before, after = (_words.error(advice, v) for v in (advice.real_only_error, advice.error))
    label = "misclassified, held out"
    if nets.maps or not nets.classes:
        label = f"held-out {nets.measure}"
    rows.append((label, f"{before} with real data alone, {after} as recommended"))
    # Of none the change is none; what was measured is what choosing by the other seeds does.
    label = "expected change of the error" if nets.index else "had the other seeds chosen, error"
    rows.append((label, _words.change(advice)))
    if advice.tested is not None:
        rows += _tested(advice, advice.tested)
    rows.append(("networks at each ratio", _words.integer(nets.num_seeds)))
    return rows


def head(nets: Networks) -> list[str]:
    """Columns of the table of ratios."""
    amount = "weight of each" if nets.mixing == "weight" else "synthetic points"
    error = "misclassified" if nets.classes and not nets.maps else "error"
    return ["ratio", amount, error, "difference to the best", "networks", *_test_column(nets), ""]


def rows(advice: Advice, nets: Networks) -> list[list[str]]:
    """The table of ratios."""
    curve, lines = advice.curve, []
    tests = _test_means(nets)
    finite = np.isfinite(nets.errors).sum(axis=1)
    best = _best(advice, nets)
    for i, ratio in enumerate(nets.ratios):
        amount = (
            _words.number(float(nets.weights[i]))
            if nets.mixing == "weight"
            else _words.integer(int(curve.counts[i]))
        )
        line = [_words.ratio(float(ratio)), amount, _words.error(advice, float(curve.error[i]))]
        line += [_difference(advice, i, best), _words.integer(int(finite[i]))]
        if tests is not None:
            line.append(_words.error(advice, tests[i]))
        lines.append([*line, "recommended" if i == nets.index else ""])
    return lines


def note(nets: Networks) -> str:
    """What the columns of the table mean."""
    ratio = "the weight of all synthetic points per real point" if nets.mixing == "weight" else ""
    return (
        f"Ratio: {ratio or 'synthetic points per real point'}. Errors: means over networks, on held-out real "
        f"points. "
        "After ±: half the 90 % interval of the difference, paired over seeds. Test errors took no part in the "
        "choice."
    )


def caption(nets: Networks) -> str:
    """What the picture shows, under it."""
    return (
        f"Solid line: {nets.measure} on held-out real points, mean over networks. Dots: single networks. Bar: the "
        "ratios that do about as well as the best. Dashed: real data alone."
    )


def sweep(result: Any) -> dict[str, Any]:
    """What advice.json keeps of a `training.Result`: every error, and how the networks were trained."""
    names = (
        "ratios",
        "realised_counts",
        "realised_ratios",
        "realised_shares",
        "num_steps",
        "validation_error",
        "test_error",
        "chosen_step",
        "status",
        "log",
    )
    return {
        **{name: getattr(result, name) for name in names},
        "config": dataclasses.asdict(result.config),
        "seeds": dataclasses.asdict(result.seeds),
    }


def _tested(advice: Advice, tested: Tested) -> list[tuple[str, str]]:
    def write(value: float, interval: tuple[float, float]) -> str:
        return f"{_words.error(advice, value)} {span(advice, interval)}"

    before = write(tested.real_only, tested.real_only_interval)
    label = "test error (not used to choose)"
    if not advice.count:
        return [(label, f"{before} with real data alone")]
    after = write(tested.error, tested.error_interval)
    lower = write(tested.saved, tested.saved_interval)
    unit = "points lower" if advice.networks and advice.networks.classes else "lower"
    return [
        (label, f"{before} with real data alone, {after} as recommended"),
        ("the same, paired over networks", f"{lower} {unit}".replace(" %", "")),
    ]


def span(advice: Advice, interval: tuple[float, float]) -> str:
    """An interval of errors in brackets; of one network there is none."""
    if not all(map(math.isfinite, interval)):
        return "(no interval)"
    low, high = (_words.error(advice, v) for v in interval)
    return f"({low} to {high})"


def _test_means(nets: Networks) -> list[float] | None:
    """Mean test error at each ratio of the curve, over the networks that have one."""
    if nets.test_errors is None:
        return None
    means = [_finite(row) for row in nets.test_errors]
    return [sum(kept) / len(kept) if kept else math.nan for kept in means]


def _finite(values: Any) -> list[float]:
    return [float(v) for v in values if math.isfinite(v)]


def _test_column(nets: Networks) -> list[str]:
    return [] if nets.test_errors is None else ["test error"]


def _best(advice: Advice, nets: Networks) -> int:
    low, high = nets.interval
    inside = np.where(np.isfinite(advice.curve.error), advice.curve.error, np.inf)
    return low + int(np.argmin(inside[low : high + 1]))


def _difference(advice: Advice, i: int, best: int) -> str:
    curve = advice.curve
    if i == best:
        return "best"
    gap, half = float(curve.error[i] - curve.error[best]), float(curve.high[i] - curve.error[i])
    if not math.isfinite(gap):
        return "not available"
    sign = "+" if gap >= 0 else "-"
    tail = f" ± {_words.error(advice, half)}" if math.isfinite(half) else ""
    return f"{sign}{_words.error(advice, abs(gap))}{tail}"
