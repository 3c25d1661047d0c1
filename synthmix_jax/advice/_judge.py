"""`judge`: how much synthetic data to add, from networks trained at several ratios."""

import warnings as python_warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from synthmix_jax import mixing
from synthmix_jax._typing import Array
from synthmix_jax._version import __version__

from . import _network_cautions, _seeds
from ._records import Advice, Curve, Networks, Tested

if TYPE_CHECKING:
    from synthmix_jax.training import Result
else:
    Result = Any  # Who holds one has loaded its package; nobody else should have to.


def judge(result: Result, *, names: tuple[str, str] = ("real", "synthetic")) -> Advice:
    """Judge networks trained at several ratios, by their errors on held-out real points alone.

    Test errors take no part: they are shown beside the advice (`Advice.tested`).

    The rule. Every seed has its own real subset, held-out points, initialisation and order, shared by all ratios.
    Write e[r, s] for its validation error at ratio r. "Worse" means a mean difference, paired over seeds, above
    Student's t quantile (one-sided 95 %, one degree of freedom less than there are seeds) times its standard error.
    For shares of misclassified points the variance of a difference of mean D is taken to be at least
    |D| (1 - |D|) / held-out points, which holds for any two networks: seeds that agree by chance prove nothing.

    The gain pays for the ratio's having been selected. Each seed s in turn is left out, the ratio r* of the least
    mean error over the others is chosen, and e[0, s] - e[r*, s] is scored; the gain is the mean score over the mean
    real-only error. Scores share the seeds that choose and so vary together: the half-width of their t interval is
    widened by a factor of 1.25, set by simulation.

    - Fewer than three seeds with a network at ratio 0 and at another ratio: "no clear optimum", always.
    - The gain's interval lies above zero: "use all" if the largest ratio takes the whole pool, is not worse than
      the best ratio, and has a mean error below that of real data alone; else "use part" (should the best ratio be
      zero after all, "no clear optimum"). Ratios that stop short of the pool always give "use part".
    - It does not, and its upper 95 % limit is below 7 %: "use none".
    - Otherwise: "no clear optimum". The count is the best guess.

    The interval of the count is the hull of the ratios that are not worse than the best; it holds zero unless
    synthetic data is shown to help. It speaks of other seeds on these real data, not of other real data.

    With `mixing="weight"` the ratios are weights of the whole pool. Then the count is the pool (or zero), the
    weight is r n / pool, the verdict is "use all" whenever the gain is shown, and `Advice.networks.interval` tells
    the ratios that cannot be told from the best.

    A network that failed is left out of every difference it would be in. A ratio is considered only if more than
    half of the seeds, and at least three, are left to compare it with ratio 0.

    Args:
        result: Of `training.sweep`; ratio 0 must be among its ratios.
        names: Names of the two data sets for the report.

    Returns:
        An `Advice` without kernel and ridge, and with `networks`. `curve.error` is the real-only error less the
        mean paired saving: where no network failed, the mean error.

    Raises:
        ValueError: no ratio 0, no other ratio, a sweep of shares, or no network that did not fail at ratio 0 or
            anywhere else.

    Warns:
        UserWarning: fewer than three seeds. The same sentence is in `Advice.warnings`.

    References:
        The rule is derived here and calibrated in `benchmarks/network_verdicts.py`.
    """
    kept = _places(result)
    errors = np.where(np.isfinite(result.validation_error), result.validation_error, np.nan)[kept]
    _check_errors(errors)
    classes, by_weight = result.num_classes is not None, result.config.mixing == "weight"
    counts = result.realised_counts[kept].astype(np.int64)
    counted = classes and not result.dense
    points = max(int(result.num_validation), 1) if counted else None
    evidence = _seeds.weigh(errors, points)
    reaches = bool(counts[-1] == result.pool)
    choice = _seeds.decide(evidence, reaches_pool=reaches, by_weight=by_weight)
    for warning in _network_cautions.few_seeds(evidence.num_seeds):
        python_warnings.warn(warning, stacklevel=2)

    ratios, weights = _amounts(result, kept)
    nets = Networks(
        ratios=ratios,
        weights=weights,
        errors=errors,
        test_errors=_or_none(result.test_error[kept]),
        index=choice.place,
        interval=choice.interval,
        num_seeds=evidence.num_seeds,
        num_validation=int(result.num_validation),
        mixing=result.config.mixing,
        classes=classes,
        maps=result.dense,
    )
    at, (low, high) = choice.place, choice.interval
    return Advice(
        verdict=choice.verdict,
        count=int(counts[at]),
        ratio=float(counts[at] / result.num_real),
        weight=float(weights[at]),
        ridge=None,
        kernel=None,
        interval=(int(counts[low]), int(counts[high])),
        gain=evidence.gain.value,
        gain_interval=_gain_interval(evidence.gain),
        distances=None,
        sweep=result,
        curve=Curve(
            counts=counts,
            error=evidence.error,
            low=evidence.error - evidence.half,
            high=evidence.error + evidence.half,
            misclassified=None,
            frequencies=evidence.frequencies,
        ),
        real_only_error=float(evidence.error[0]),
        error=float(evidence.error[at]),
        num_real=int(result.num_real),
        pool=int(result.pool),
        copies=None,
        warnings=tuple(_network_cautions.cautions(result, kept, errors, evidence, choice)),
        settings={
            "judged": "validation_error",
            "training": result.settings,
            "versions": {"synthmix_jax": __version__, "numpy": np.__version__},
        },
        names=names,
        predictor=_no_predictor,
        networks=nets,
        tested=_tested(nets),
    )


def _places(result: Result) -> np.ndarray:
    """Places of the ratios in rising order, the first of each amount.

    Raises:
        ValueError: no ratio 0, or nothing else, or a sweep of shares.
    """
    if result.shares is not None:
        raise ValueError(
            f"the result holds {len(result.shares)} mixes of shares of source, target and synthetic points, and "
            "judge compares ratios with ratio 0: train with ratios=[0, ...] (and target, if there is "
            "one), or compare result.validation_error (r, s) yourself."
        )
    ratios = np.asarray(result.ratios, np.float64)
    shown = ", ".join(f"{ratio:g}" for ratio in ratios)
    if not (ratios == 0.0).any():
        raise ValueError(
            f"the result holds no ratio 0, the real-only case everything is compared with, but {shown}: train "
            "with ratios=[0, ...]."
        )
    amount = ratios if result.config.mixing == "weight" else np.asarray(result.realised_counts)
    # Of equal amounts the smallest ratio comes first, and zero before all.
    order = np.lexsort((ratios, amount))
    kept = order[np.unique(amount[order], return_index=True)[1]]
    if len(kept) < 2:
        raise ValueError(
            f"the result holds no synthetic data to judge: its ratios are {shown}. Train with larger ratios too."
        )
    return kept


def _check_errors(errors: Float[np.ndarray, "r s"]) -> None:
    """Raise ValueError where nothing is left to compare."""
    finite = np.isfinite(errors)
    if not finite.any():
        raise ValueError(
            "every network failed: see `status` of the result; a smaller learning rate or clip_norm may help."
        )
    if not finite[0].any():
        raise ValueError(
            "every network at ratio 0 failed, so there is nothing to compare with: see `status` of the result."
        )


def _amounts(result: Result, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratios, and the weight of one synthetic point at each."""
    n, pool = result.num_real, result.pool
    if result.config.mixing == "count":
        ratios = np.asarray(result.realised_ratios, np.float64)[kept]
        return ratios, np.full(len(kept), float(result.config.synthetic_weight))
    ratios = np.asarray(result.ratios, np.float64)[kept]
    # Of ratio r the share of the loss is r / (1 + r), whatever the pool.
    weights = [mixing.weight_for_share(n, pool, float(r / (1.0 + r))) for r in ratios]
    return ratios, np.array(weights)


def _gain_interval(gain: _seeds.Mean) -> tuple[float, float]:
    """As for regression: the upper end is at least zero, the gain of none, and at most one, no error at all."""
    low, high = gain.interval
    return low, min(max(high, 0.0), 1.0)


def _tested(nets: Networks) -> Tested | None:
    """Test errors with and without synthetic data, over the seeds that have both."""
    if nets.test_errors is None:
        return None
    rows = nets.test_errors[[0, nets.index]]
    rows = rows[:, np.isfinite(rows).all(axis=0)]
    if not rows.size:
        return None
    alone, mixed, saved = (_seeds.mean(values) for values in (*rows, rows[0] - rows[1]))
    most = 1.0 if nets.classes else np.inf
    return Tested(
        real_only=alone.value,
        real_only_interval=_possible(alone, most),
        error=mixed.value,
        error_interval=_possible(mixed, most),
        saved=saved.value,
        saved_interval=saved.interval,
        num_seeds=alone.num,
    )


def _possible(error: _seeds.Mean, most: float) -> tuple[float, float]:
    """The part of an error's interval that an error can lie in."""
    low, high = error.interval
    return max(low, 0.0), min(high, most)


def _or_none(errors: np.ndarray) -> np.ndarray | None:
    finite = np.isfinite(errors)
    return np.where(finite, errors, np.nan) if finite.any() else None


def _no_predictor(x: Array) -> np.ndarray:
    raise ValueError(
        "this advice comes from trained networks, which predict by themselves: take one of them, "
        "advice.sweep.model(ratio, seed), from a sweep that kept its models (keep_models=True)."
    )
