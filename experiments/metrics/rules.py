"""What following each predictor costs: regret, with at most one constant, fitted on the other data sets.

Two rules of theory turn a distance D and n into a share of synthetic points (docs/theory.md):

    "quadratic"   x = min(x_max, 1 / (2 n c D^2)),          x = m / (n + m), pooled points of equal noise (T6)
    "linear"      x = x_max max(0, 1 - n c D),              the stability bound (T5)

c stands for constants that no distance knows. It is the one that would have cost least on the other data sets (the
mean of their means). The count on the curve with the nearest share is taken.

Regret: mean test error of a rule over its users (fits and draws of real points), less that of the best fixed
count of this source and cell, over the real-only error. Leave-one-out may pick another count for every user, and
could be below zero; the best fixed count is found on test points, which favours nobody but makes all regrets a
little large.
"""

from collections.abc import Callable

import numpy as np

from .cells import Cell
from .ranks import Resamples, interval

CONSTANTS = np.concatenate([[0.0], np.geomspace(1e-5, 1e4, 109)])
RULES = ("quadratic", "linear")


def shares_of(rule: str, distance: np.ndarray, n: int, largest: float) -> np.ndarray:
    """Share for every constant (k, ...); where the distance is not known, none."""
    scaled = n * CONSTANTS.reshape(-1, *[1] * distance.ndim) * np.maximum(distance, 0.0)
    if rule == "quadratic":
        scaled = scaled * np.maximum(distance, 0.0)
        with np.errstate(divide="ignore"):
            share = np.minimum(largest, 0.5 / scaled)
    else:
        share = largest * np.maximum(0.0, 1.0 - scaled)
    return np.nan_to_num(share)


def nearest(shares: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Place of the nearest share on the axis."""
    return np.abs(wanted[..., None] - shares).argmin(axis=-1)


def regret(cost: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Regret of choices (k, g, f, d) on test errors (g, f, d, s): (k, g)."""
    paid = np.take_along_axis(cost[None], chosen[..., None], axis=-1)[..., 0].mean(axis=(2, 3))
    fixed = cost.mean(axis=(1, 2))
    return (paid - fixed.min(axis=1)) / fixed[:, 0]


def axis(cell: Cell, weighted: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares, test and leave-one-out errors: along counts, or along weights of all points."""
    return cell.weight_axis if weighted else (cell.shares, cell.cost, cell.loo)


def choices(
    cells: list[Cell], predictors: dict[str, Callable], *, weighted: bool
) -> dict[str, list[np.ndarray]]:
    """For each way to choose, regrets in every cell: (k, g) with k constants to choose from, one or more."""
    found: dict[str, list[np.ndarray]] = {}
    for cell in cells:
        shares, cost, loo = axis(cell, weighted)
        users = cost.shape[:-1]
        fixed = {
            "none": np.zeros((1, *users), int),
            "all": np.full((1, *users), len(shares) - 1),
            "leave-one-out": loo.argmin(axis=-1)[None],
            # A constant ratio m / n; on the axis of weights the share it stands for.
            "constant ratio": np.stack(
                [
                    np.full(users, nearest(shares, np.asarray(r / (1.0 + r))))
                    for r in np.geomspace(1 / 32, 32, 41)
                ]
            ),
        }
        for name, chosen in fixed.items():
            found.setdefault(name, []).append(regret(cost, chosen))
        for name, predictor in predictors.items():
            distance = predictor(cell)
            for rule in RULES:
                if distance is None:
                    values = np.full((len(CONSTANTS), users[0]), np.nan)
                else:
                    wanted = shares_of(rule, distance, cell.n, shares[-1])
                    values = regret(cost, nearest(shares, wanted))
                found.setdefault(f"{name} | {rule}", []).append(values)
    return found


def constants(cells: list[Cell], regrets: list[np.ndarray]) -> tuple[dict, dict]:
    """By data set, the place of the constant that is best on the other data sets, and of that best on its own."""
    names = list(dict.fromkeys(cell.data for cell in cells))
    by_data = {
        name: np.mean(
            [r.mean(axis=1) for c, r in zip(cells, regrets, strict=True) if c.data == name], axis=0
        )
        for name in names
    }
    known = [name for name in names if np.isfinite(by_data[name]).all()]
    best = lambda names: int(np.mean([by_data[k] for k in names], axis=0).argmin()) if names else 0
    return (
        {name: best([k for k in known if k != name]) for name in names},
        {name: best([name]) for name in known},
    )


def table(
    cells: list[Cell], predictors: dict, resamples: Resamples, *, weighted: bool = False
) -> dict[str, dict]:
    """By way to choose: mean regret with its interval, the difference from leave-one-out, and by data set.

    Intervals: bootstrap over data sets, and over sources within each; the constants stay as they are.
    "constant" is the best on the other data sets, "own constant" the best in hindsight, and "regret with it" what
    that would have cost: the part of a regret that is not the distance's but the missing constant's.
    """
    all_ways = choices(cells, predictors, weighted=weighted)
    reference = _at(cells, all_ways["leave-one-out"], {c.data: 0 for c in cells})
    result = {}
    for name, regrets in all_ways.items():
        held_out, own = constants(cells, regrets)
        values = _at(cells, regrets, held_out)
        less = [v - r for v, r in zip(values, reference, strict=True)]
        result[name] = {
            "regret": interval(_mean(cells, values, resamples)),
            "less leave-one-out": interval(_mean(cells, less, resamples)),
            "by data": _by_data(cells, values),
        }
        if len(regrets[0]) == len(CONSTANTS):
            of = lambda places: {data: float(CONSTANTS[k]) for data, k in places.items()}
            hindsight = _at(cells, regrets, {c.data: own.get(c.data, 0) for c in cells})
            result[name] |= {
                "constant": of(held_out),
                "own constant": of(own),
                "regret with it": interval(_mean(cells, hindsight, resamples)),
            }
    return result


def _at(cells: list[Cell], regrets: list[np.ndarray], places: dict[str, int]) -> list[np.ndarray]:
    """Regrets (g,) of each cell at its data set's constant."""
    return [r[places[c.data]] for c, r in zip(cells, regrets, strict=True)]


def _by_data(cells: list[Cell], values: list[np.ndarray]) -> dict[str, float | None]:
    """Mean over the cells of each data set; None where not known."""
    found: dict[str, list[float]] = {}
    for cell, value in zip(cells, values, strict=True):
        found.setdefault(cell.data, []).append(float(value.mean()))
    return {k: float(np.mean(v)) if np.isfinite(v).all() else None for k, v in found.items()}


def _mean(cells: list[Cell], values: list[np.ndarray], resamples: Resamples) -> np.ndarray:
    """Mean of values (g,) of each cell over resamples (b,)."""
    each = []
    for cell, value in zip(cells, values, strict=True):
        times = resamples.sources[cell.data]
        each.append(times @ value / times.sum(axis=1))
    return resamples.mean(cells, each)
