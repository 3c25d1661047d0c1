"""`recommend`: how much synthetic data to add, and how sure that is."""

import warnings as python_warnings
from functools import partial

import jax
import numpy as np

from synthmix_jax import _checks, _numerics, kernels, krr
from synthmix_jax._typing import Array, KernelFunction, Key, Numbers
from synthmix_jax.dataset import Dataset

from . import (
    _adaptation,
    _approximation,
    _cautions,
    _evidence,
    _intervals,
    _kernel_choice,
    _setup,
    _verdict,
)
from ._compared import compared
from ._copies import look_for_copies
from ._evidence import Grid, Progress, Recipe
from ._predictor import bagged
from ._records import Advice

WEIGHTS = (0.1, 0.3, 1.0)


def recommend(
    real: Dataset,
    synthetic: Dataset | Recipe,
    *,
    key: Key,
    fitted_on: str = "other",
    kernel: KernelFunction | None = None,
    ridges: Numbers | None = None,
    weights: Numbers = WEIGHTS,
    counts: Numbers | None = None,
    num_orders: int | None = None,
    num_bootstrap: int = 1000,
    folds: int = 5,
    names: tuple[str, str] = ("real", "synthetic"),
    progress: Progress | None = None,
    memory_limit: float | int | None = None,
    method: str = "auto",
    num_features: int = _approximation.NUM_FEATURES,
    distances: bool = True,
    target_validation: Dataset | Array | None = None,
    adapt: bool = False,
    target_weights: Numbers = _adaptation.TARGET_WEIGHTS,
) -> Advice:
    """Recommend an amount of synthetic data, from exact leave-one-out errors on the real points alone.

    Kernel ridge regression stands in for the model: the kernel is chosen on the real data alone, then every
    count, weight and ridge is scored by leaving each real point out. Synthetic points are never scored.

    The rule. Write e for the mean squared leave-one-out error of a cell (weight, ridge, count); "worse" means
    a mean paired difference above 1.64 of its standard errors. The gain is what choosing the least e saves
    against the best real-only ridge, scored on points that the choosing bootstrap sample left out, relative to
    the real-only error.

    - Fewer than five real points: "no clear optimum", always.
    - The gain exceeds 1.64 standard errors, however small it is: "use all" if the whole pool, at its best
      weight and ridge, is not worse than the best cell; else "use part" (should the best cell be the real-only
      one after all, "no clear optimum").
    - It does not, and even its upper 95 % limit is below 7 %: "use none".
    - Otherwise the real points cannot tell: "no clear optimum". The count is the best guess, the interval
      says what else it could be.

    The interval of the count is the hull of the counts that are not worse than the best count at the
    recommended weight and ridge (at any weight, for "use none"); it holds zero unless synthetic data is
    shown to help. Regression targets are centred by their mean, and the chosen kernels have a wide constant
    term that lets every left-out fit find its own; with a `kernel` of yours, leave-one-out is exact up to the
    O(1/n) by which that mean holds the point itself.

    **Beyond memory.** The exact method holds the kernel matrix of all points. Where that does not fit, the
    kernel is approximated by D features (`krr.sweep`): one pass over the pool, which may be memory-mapped, serves
    all counts, weights and ridges. Leave-one-out is then that of regression on these features, exact for them up to
    `settings["leverage_error"]`. They are drawn once and shared by all orders, folds and fits. Nystrom landmarks
    are half real points and half synthetic ones, so that with up to D / 2 real points real-only regression is
    exact; with more, and with random features, its error is compared with the exact one, on the same points (up to
    2,000). The share of it that the kernel itself would not have is deducted from the gain: where the rest does not
    exceed 1.64 standard errors, or the recommended error is no lower than the exact real-only one, the gain may be
    the features' own, and "use all" or "use part" is withheld: "no clear optimum", with the reason, the claim in
    `settings["withheld"]`, and gain and errors as measured. Whether D is large enough shows when a larger one
    changes nothing.

    **Domain adaptation** (`adapt=True`, or `target_validation`). The real points come from a source and the model
    is meant for a target that the synthetic points imitate. What is known of the target decides what can be said;
    `Advice.adaptation` states the case:

    - A few labelled target points: they join the training points as a third group with a weight of their own, and
      the rule above is applied to *their* leave-one-out errors alone. "Real only" is the best of source and target
      points, with the source or without it. Source points are never scored.
    - Unlabelled target points: leave-one-out errors on source points, each weighted by the ratio of the target's
      density to the source's. Conditional: labels must depend on inputs in the target as in the source, and the
      effective sample size must be enough.
    - Nothing: no error on the target can be estimated. Only what the bound of `theory.adaptation_bound` says, which
      is conditional on distances that nobody has measured. The verdict is "no clear optimum".

    Args:
        real: n >= 2 real points: the ones you would train on. Integer y are classes, floats are targets. For domain
            adaptation those of the source.
        synthetic: A data set of synthetic points that do not depend on these real points; or, for a
            generator fitted on them, a callable from real points to a synthetic data set
            (`generators.refit`), which is then cross-fitted: each real point is scored only with synthetic
            data of a generator that has not seen its fold.
        key: PRNG key for orders, folds and the bootstrap.
        fitted_on: What the generator was fitted on: "other" data, or these "real" points, which needs a
            callable. A callable is always cross-fitted.
        kernel: Kernel to use; None to choose one on the real data (a random part of more than 2,000 points, on
            features of more than 500).
        ridges: Absolute ridges (l,); None for 0.001, 0.01, 0.1 and 1 times the kernel's mean diagonal.
        weights: Weights of one synthetic point (w,).
        counts: Synthetic counts to try, from 0; None for about 60 from 0 to the whole pool, 20 on features.
        num_orders: Nested orders of the pool to average over (not used when cross-fitting); None for 3, on
            features 1 of pools of more than 50,000.
        num_bootstrap: Bootstrap samples of the real points.
        folds: Folds for cross-fitting.
        names: Names of the two data sets for the report.
        progress: Called as progress(done, total, what) between steps.
        memory_limit: Bytes a sweep may take; None for nine tenths of what is free.
        method: "exact"; "nystrom" (any kernel) or "random_features" (stationary kernels); "auto" for exact where
            that fits into memory, else nystrom. `settings` say which it was.
        num_features: D of the two approximations.
        distances: Whether to compare the samples by all distances of `distances.compare` (of inputs and labels; of
            inputs alone for regression). They take part in no decision.
        target_validation: For domain adaptation: labelled real points of the target (a `Dataset`), or inputs alone
            (an array (t, ...)). They must be neither among the source points nor among those that the generator was
            fitted on; for labelled points that it was fitted on, `synthetic` may be a callable from target
            points to a synthetic data set, which is then cross-fitted over them.
        adapt: Whether to adapt without any point of the target.
        target_weights: Weights of one labelled target point relative to a source one (v,).

    Returns:
        An `Advice`.

    Raises:
        ValueError: data that do not match, classes that one side lacks, fitted_on="real" with samples
            instead of a callable, target points that are also among the training points, a `krr.Stream`, an
            approximate method with domain adaptation, or bad options.

    Warns:
        UserWarning: fewer than three real points in a class, very few points, or synthetic points that look
            like copies. The same sentences are in `Advice.warnings`.

    References:
        The idea, shidani2026; the rule is derived here and calibrated in `benchmarks/calibration.py`.
    """
    _check_options(real, synthetic, fitted_on, num_orders, num_bootstrap)
    _approximation.check(method, num_features)
    _numerics.host_generator(key)  # refuses what is no key, with a remedy
    if adapt or target_validation is not None:
        if method not in ("auto", "exact"):
            raise ValueError(
                f"method={method!r} approximates the kernel, which domain adaptation cannot: leave method out, "
                "and with too many points for memory take a random part of the source or of the pool."
            )
        options = _adaptation.Options.of(
            key=key,
            kernel=kernel,
            ridges=ridges,
            weights=_checks.positive_values("weights", weights),
            target_weights=_checks.positive_values("target_weights", target_weights),
            counts=counts,
            num_orders=_approximation.orders_for(num_orders, "exact", 0),
            num_bootstrap=num_bootstrap,
            folds=folds,
            names=names,
            progress=progress,
            memory_limit=memory_limit,
            distances=distances,
            fitted_on=fitted_on,
        )
        return _adaptation.adapt(real, synthetic, target_validation, options)
    order_key, fold_key, bootstrap_key = jax.random.split(key, 3)
    feature_key, part_key = (jax.random.fold_in(bootstrap_key, i) for i in range(2))
    recipe = None if isinstance(synthetic, Dataset) else synthetic
    pool = synthetic if isinstance(synthetic, Dataset) else _evidence.call(synthetic, real)
    krr.check_data(real, pool)
    _cautions.check_classes(real, pool)
    copies = look_for_copies(real, pool, key=part_key) if recipe is None else None
    cautions = [
        *_cautions.few_per_class(real),
        *_cautions.few_points(real),
        # A generator fitted on the real points themselves knows their classes by number.
        *(_cautions.misread(real, pool) if recipe is None else []),
        *_cautions.about_copies(copies),
    ]
    for caution in cautions:
        python_warnings.warn(caution, stacklevel=2)

    centre = _setup.mean_target(real)
    real_c, pool_c = (_evidence.centred(d, centre) for d in (real, pool))
    weights = _checks.positive_values("weights", weights)
    used, num_features = _approximation.decide(
        method,
        num_features,
        real,
        pool,
        _setup.checked_counts(counts, len(pool)),
        len(_kernel_choice.RIDGES if ridges is None else np.atleast_1d(ridges)),
        len(weights),
        memory_limit,
    )
    num_orders = _approximation.orders_for(num_orders, used, len(pool))
    passes = num_orders if recipe is None else folds
    steps = 2 + bool(distances) + passes * (len(weights) if used == "exact" else 1)
    if kernel is None:
        steps += _kernel_choice.num_candidates(real)
    tick = _setup.Ticker(progress, steps)
    choose = partial(
        _kernel_choice.choose_kernel,
        real_c,
        key=order_key,
        most=_kernel_choice.MOST_REAL if used == "exact" else _kernel_choice.MOST_REAL_FAST,
        tick=lambda: tick("choosing the kernel"),
    )
    kernel, ridges, kernel_grid = _setup.kernel_and_ridges(real_c, kernel, ridges, choose)
    tick("kernel chosen")

    size, pools, fold_of = len(pool), [], None
    if recipe is not None:
        fold_of = _evidence.split_folds(real, folds, key=fold_key)
        pools = _evidence.draw_pools(real, recipe, fold_of, centre=centre, key=order_key)
        size = min(size, *map(len, pools))
    grid = Grid(
        kernel,
        ridges,
        weights,
        _setup.checked_counts(counts, size, _approximation.num_counts(used)),
        memory_limit,
        _approximation.make(used, num_features, real, pool, key=feature_key),
        tick.within,
    )
    orders = _evidence.nested_orders(pool, num_orders if fold_of is None else 1, key=order_key)
    if fold_of is None:
        sweep = _evidence.from_pool(real_c, pool_c, orders, grid, lambda: tick("sweeping"))
    else:
        sweep = _evidence.cross_fitted(real_c, pools, fold_of, grid, lambda: tick("cross-fitting"))
    counts, residuals = grid.counts, sweep.loo_residuals
    assert residuals is not None
    rng = _numerics.host_generator(bootstrap_key)
    bagging = _intervals.bag(residuals, num_bootstrap=num_bootstrap, rng=rng)
    described = _approximation.described(method, grid.approximation, sweep, real_c, kernel)
    lost = _approximation.lost(described.get("real_only"))
    choice = _verdict.decide(residuals, counts, size, bagging, lost=lost)
    described["withheld"] = choice.withheld
    table = None
    if distances:
        tick("comparing")
        table = compared(real, pool, names[1], recipe is not None, key=bootstrap_key)
    tick("done")

    frequencies = bagging.frequencies
    if choice.verdict == "use none":
        frequencies = np.zeros_like(frequencies)
        frequencies[choice.real_only] = 1.0
    w, l, c = choice.cell
    return Advice(
        verdict=choice.verdict,
        count=int(counts[c]),
        ratio=float(counts[c] / len(real)),
        weight=float(weights[w]),
        ridge=float(ridges[l]),
        kernel=kernel,
        interval=(int(counts[choice.interval[0]]), int(counts[choice.interval[1]])),
        gain=bagging.gain.value,
        gain_interval=bagging.gain.interval,
        distances=table,
        sweep=sweep,
        curve=_setup.curve_of(sweep, residuals, choice, bagging.frequencies),
        real_only_error=float(residuals[choice.real_only].mean()),
        error=float(residuals[choice.cell].mean()),
        num_real=len(real),
        pool=size,
        copies=copies,
        warnings=(
            *cautions,
            *_cautions.after_the_sweep(choice, sweep, size, int(counts[-1])),
            *_approximation.cautions(described),
        ),
        settings={
            "fitted_on": "real" if recipe is not None else fitted_on,
            "key": _setup.key_words(key),
            "kernel": kernels.describe(kernel),
            "kernel_grid": kernel_grid,
            "ridges": ridges.tolist(),
            "weights": weights.tolist(),
            "counts": counts.tolist(),
            "num_orders": len(orders),
            "num_bootstrap": num_bootstrap,
            "folds": folds if recipe is not None else None,
            **described,
            "distances": distances,
            "real": repr(real),
            "synthetic": repr(pool),
            "versions": _setup.versions(),
        },
        names=names,
        predictor=bagged(
            real_c,
            pool_c,
            orders,
            kernel=kernel,
            ridges=ridges,
            weights=weights,
            counts=counts,
            frequencies=frequencies,
            centre=centre,
            features=sweep.features,
        ),
    )


def _check_options(real, synthetic, fitted_on, num_orders, num_bootstrap) -> None:
    _checks.one_of("fitted_on", fitted_on, ("other", "real"))
    if not isinstance(real, Dataset):
        raise ValueError(f"real must be a Dataset, got {type(real).__name__}: smx.Dataset(x, y).")
    if isinstance(synthetic, krr.Stream):
        raise ValueError(
            "synthetic is a Stream, which comes in one order, and recommend needs random ones. Give a Dataset "
            'over a memory map (np.load(path, mmap_mode="r")), or sweep the stream as it comes: '
            'smx.krr.sweep(real, stream, kernel=..., ridges=..., method="nystrom", key=key).'
        )
    if not isinstance(synthetic, Dataset) and not callable(synthetic):
        raise ValueError(
            f"synthetic must be a Dataset or a callable, got {type(synthetic).__name__}. Samples of a fitted "
            "generator: smx.generators.draw(generator, count, key=key); to cross-fit one: smx.generators.refit."
        )
    if fitted_on == "real" and isinstance(synthetic, Dataset):
        raise ValueError(
            'fitted_on="real" says that the generator saw these real points; leave-one-out on its samples '
            "would be blind to that. Pass the generator instead of samples, as a callable from real points to "
            "a synthetic Dataset, and it is cross-fitted: "
            "smx.generators.refit(lambda d: smx.generators.ClassGaussian.fit(d, rank=5), 2000, key=key)."
        )
    for name, value, least in (
        ("num_orders", num_orders, 1),
        ("num_bootstrap", num_bootstrap, 100),
    ):
        if name == "num_orders" and value is None:
            continue
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")
