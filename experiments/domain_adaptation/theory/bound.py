"""Two groups that are moved: does the best share go with the distances as the bound says?"""

import jax
import numpy as np
from scipy import stats

import synthmix_jax as smx

from .config import Bound
from .problems import Groups, distance, moved
from .simulate import simulate

SOURCE, TARGET, SYNTHETIC = range(3)
FINE = 10
PREDICTORS = ("difference", "source", "synthetic")


def rows(study: Bound, seed: int, kind: str) -> list[dict]:
    """Of one kind a record for each base and pair of dials."""
    result = []
    for base in range(study.bases):
        groups = moved(study, kind, np.random.default_rng([seed, 1, base]))
        # The same draws for all dials of a base: what differs is what was moved.
        key = jax.random.fold_in(jax.random.key(seed + 1), base)
        for i, k in np.ndindex(len(study.dials), len(study.dials)):
            row = {"kind": kind, "base": base, "dials": [study.dials[i], study.dials[k]]}
            result.append(row | one(study, groups[i][k], key))
    return result


def one(study: Bound, groups: Groups, key) -> dict:
    """Distances, curves over the share by formula and by draws, and the best shares."""
    shares = np.linspace(0.0, 1.0, study.shares)
    fine = np.linspace(0.0, 1.0, FINE * (study.shares - 1) + 1)
    errors, _ = simulate(
        groups,
        sizes=(study.sizes[0], 0, study.sizes[1]),
        weights=_weights(study, shares),
        ridges=np.full(len(shares), study.ridge * sum(study.sizes)),
        target=TARGET,
        draws=study.draws,
        key=key,
    )
    formula = _formula(study, groups, fine)
    measured = errors.mean(axis=0)
    return {
        "source": distance(groups, SOURCE, TARGET),
        "synthetic": distance(groups, SYNTHETIC, TARGET),
        "formula": formula[::FINE].tolist(),
        "measured": measured.tolist(),
        "best_formula": float(fine[np.argmin(formula)]),
        "best_measured": float(shares[np.argmin(measured)]),
        "least": float(formula.min()),
    }


def _weights(study: Bound, shares: np.ndarray) -> np.ndarray:
    """Those of the objective with the shares, times the number of points: one and one at the share of counts."""
    n, m = study.sizes
    zero = np.zeros_like(shares)
    return (n + m) * np.stack([(1.0 - shares) / n, zero, shares / m], axis=1)


def _formula(study: Bound, groups: Groups, shares: np.ndarray) -> np.ndarray:
    weights = _weights(study, shares)
    sizes = np.where(weights > 0, np.array([study.sizes[0], 0, study.sizes[1]]), 0)
    return smx.theory.group_risk(
        groups.moments,
        groups.coefficients,
        eigenvalues=groups.eigenvalues,
        sizes=sizes,
        weights=np.where(weights > 0, weights, 1.0),
        noise_variances=groups.noises,
        ridge=study.ridge * sum(study.sizes),
    )[:, TARGET]


def summary(study: Bound, rows: list[dict], seed: int) -> dict:
    """By kind: rank correlations with intervals over bases, moves against the bound's order, and regrets."""
    groups = {kind: [r for r in rows if r["kind"] == kind] for kind in study.kinds}
    groups["every kind"] = rows
    return {kind: _of(study, members, seed) for kind, members in groups.items()}


def _of(study: Bound, rows: list[dict], seed: int) -> dict:
    record = {"cells": len(rows)}
    for by in ("formula", "measured"):
        share = np.array([row[f"best_{by}"] for row in rows])
        ranks = {name: _rank(study, rows, share, name, seed) for name in PREDICTORS}
        record[by] = {"ranks": ranks, "order": order(study, rows, by)}
    apart = [abs(row["best_formula"] - row["best_measured"]) for row in rows]
    record["formula_against_measured"] = {
        "mean_difference": float(np.mean(apart)),
        "spearman": _spearman(
            *(np.array([r[f"best_{b}"] for r in rows]) for b in ("formula", "measured"))
        ),
    }
    record["regret"] = _regrets(study, rows)
    return record


def _predictor(rows: list[dict], name: str) -> np.ndarray:
    source, synthetic = (np.array([row[k] for row in rows]) for k in ("source", "synthetic"))
    return {"difference": source - synthetic, "source": source, "synthetic": synthetic}[name]


def _spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    # No variation, no rank.
    constant = np.ptp(a) == 0 or np.ptp(b) == 0
    return None if constant else float(stats.spearmanr(a, b).statistic)


def _rank(study: Bound, rows, share, name: str, seed: int) -> list[float | None]:
    """Spearman's correlation with a 95 % interval: bases (targets and directions) are drawn anew, whole."""
    predictor = _predictor(rows, name)
    base = np.array([row["base"] for row in rows])
    members = [np.flatnonzero(base == b) for b in range(study.bases)]
    rng = np.random.default_rng([seed, 2])
    again = []
    for _ in range(study.resamples):
        chosen = np.concatenate([members[b] for b in rng.integers(study.bases, size=study.bases)])
        value = _spearman(predictor[chosen], share[chosen])
        again += [] if value is None else [value]
    low, high = np.quantile(again, [0.025, 0.975]).tolist() if again else (None, None)
    return [_spearman(predictor, share), low, high]


def order(study: Bound, rows: list[dict], by: str) -> dict:
    """One of the two is moved a dial farther and the other stays: how often the best share goes which way.

    The bound: farther synthetic points never raise it, a farther source never lowers it.
    """
    place = {(r["kind"], r["base"], *r["dials"]): r for r in rows}
    result = {}
    for name, axis, sign in (("source", 0, 1.0), ("synthetic", 1, -1.0)):
        moves = []
        for (kind, base, *dials), row in place.items():
            later = study.dials.index(dials[axis]) + 1
            if later == len(study.dials):
                continue
            dials[axis] = study.dials[later]
            farther = place[(kind, base, *dials)]
            if farther[name] <= row[name]:
                continue
            moves.append(sign * (farther[f"best_{by}"] - row[f"best_{by}"]))
        moves = np.array(moves)
        result[name] = {
            "moves": len(moves),
            "with": float(np.mean(moves > 1e-9)),
            "none": float(np.mean(np.abs(moves) <= 1e-9)),
            "against": float(np.mean(moves < -1e-9)),
        }
    return result


def _regrets(study: Bound, rows: list[dict]) -> dict:
    """What a share costs, relative to the best of the formula's curve, as a mean over problems.

    The bound's share has one constant xi/S for all of these rows, the best in hindsight.
    """
    n, m = study.sizes
    shares = np.linspace(0.0, 1.0, study.shares)
    curves = np.array([row["formula"] for row in rows])
    least = np.array([row["least"] for row in rows])
    source, synthetic = (_predictor(rows, name) for name in ("source", "synthetic"))

    def cost(share) -> float:
        risk = [
            np.interp(s, shares, c)
            for s, c in zip(np.broadcast_to(share, len(rows)), curves, strict=True)
        ]
        return float(np.mean(np.array(risk) / least - 1.0))

    constants = np.geomspace(1e-5, 1.0, 41)
    bound = [
        cost(
            smx.theory.optimal_adaptation_share(
                n=n,
                m=m,
                source_distance=source,
                synthetic_distance=synthetic,
                lipschitz=c,
                stability=1.0,
            )
        )
        for c in constants
    ]
    place = int(np.argmin(bound))
    return {
        "bound": bound[place],
        "constant": float(constants[place]),
        "weight one": cost(m / (n + m)),
        "nearer alone": cost(np.where(synthetic <= source, 1.0, 0.0)),
        "source alone": cost(0.0),
        "synthetic alone": cost(1.0),
    }
