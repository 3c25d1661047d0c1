"""A few labelled target points: they join the training points, and they alone are scored, by exact leave-one-out.

Source, target and synthetic points are three groups of one regression (`krr.sweep_groups`). The grid holds what
synthetic and target points weigh against a source point, and the same without the source at all: far sources
can do harm. "Real only" is the best of all mixes without synthetic points, so the gain is over the best use of
source and target points alone.
"""

import warnings as python_warnings
from collections.abc import Callable
from functools import partial, reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synthmix_jax import _numerics, krr
from synthmix_jax._typing import KernelFunction
from synthmix_jax.dataset import Dataset

from . import _cautions, _evidence, _intervals, _kernel_choice, _setup, _verdict
from ._adapt_options import Options, check_overlap, check_pair, repeated, settings
from ._adapt_predictor import averaged
from ._compared import compared_several, wasserstein_of
from ._copies import look_for_copies
from ._evidence import Recipe
from ._records import Adaptation, Advice, Mix


class Grid(NamedTuple):
    """What is swept."""

    kernel: KernelFunction
    ridges: np.ndarray
    mixes: tuple[Mix, ...]
    weights: np.ndarray
    target_weights: np.ndarray
    counts: np.ndarray
    memory_limit: float | int | None


def advise(
    source: Dataset, synthetic: Dataset | Recipe, target: Dataset, options: Options
) -> Advice:
    """The rule of `recommend` on leave-one-out errors of the target points.

    Raises:
        ValueError: data that do not match, classes that the target or the synthetic points lack, or target points
            that are trained on under another name.
    """
    check_pair(source, target, "target_validation")
    if len(target) < 2:
        raise ValueError(
            "target_validation holds one labelled point, and leave-one-out needs at least two. Give more, or its x "
            "alone."
        )
    keys = options.keys()
    recipe = None if isinstance(synthetic, Dataset) else synthetic
    pool = synthetic if isinstance(synthetic, Dataset) else _evidence.call(synthetic, target)
    _check(source, target, pool, recipe is None)
    copies = look_for_copies(target, pool) if recipe is None else None
    cautions = [
        *_cautions.few_per_class(target, "target"),
        *_cautions.few_points(target, "target"),
        *(_cautions.misread(source, pool) if recipe is None else []),
        *_cautions.about_copies(copies),
        *repeated(target, {"source": source, "synthetic": pool}),
    ]
    for caution in cautions:
        python_warnings.warn(caution, stacklevel=4)

    # The source's mean holds no point that is scored, so leaving a point out stays exact.
    centre = _setup.mean_target(source)
    source_c, target_c, pool_c = (_evidence.centred(d, centre) for d in (source, target, pool))
    tick = _setup.Ticker(
        options.progress,
        2 + bool(options.distances) + 2 * (options.num_orders if recipe is None else options.folds),
    )
    choose = partial(
        _kernel_choice.choose_kernel_for_target,
        source_c,
        target_c,
        weight=float(np.median(options.target_weights)),
        key=keys["order"],
    )
    kernel, ridges, kernel_grid = _setup.kernel_and_ridges(
        source_c, options.kernel, options.ridges, choose
    )
    tick("kernel chosen")
    size, pools, fold_of = len(pool), None, None
    if recipe is not None:
        fold_of = _evidence.split_folds(target, options.folds, key=keys["fold"])
        pools = _evidence.draw_pools(
            target, recipe, fold_of, centre=centre, key=keys["order"], name="target_validation"
        )
        size = min(size, *map(len, pools))
    grid = Grid(
        kernel,
        ridges,
        mixes_of(options.weights, options.target_weights),
        options.weights,
        options.target_weights,
        _setup.checked_counts(options.counts, size),
        options.memory_limit,
    )
    orders = _evidence.nested_orders(
        pool, options.num_orders if recipe is None else 1, key=keys["order"]
    )
    sweep_of = partial(sweep_once, source_c, target_c, grid=grid)
    if pools is None or fold_of is None:
        parts = [sweep_of(pool_c[order], tick=partial(tick, "sweeping")) for order in orders]
        sweep = reduce(_evidence.add, [_evidence.scaled(s, 1.0 / len(parts)) for s in parts])
    else:
        parts = [
            _evidence.scored_on(sweep_of(p, tick=partial(tick, "cross-fitting")), fold_of == fold)
            for fold, p in enumerate(pools)
        ]
        sweep = reduce(_evidence.add, parts)
    residuals = sweep.loo_residuals
    assert residuals is not None
    bagging = _intervals.bag(
        residuals,
        num_bootstrap=options.num_bootstrap,
        rng=_numerics.host_generator(keys["bootstrap"]),
        every_weight=True,
    )
    alike = np.array([2 * mix.target_weight + mix.source for mix in grid.mixes])
    choice = _verdict.decide(residuals, grid.counts, size, bagging, alike=alike)
    table = None
    if options.distances:
        tick("comparing")
        names = {"source": source, options.names[1]: pool}
        table = compared_several(target, names, recipe is not None, key=keys["bootstrap"])
    tick("done")
    w, l, c = choice.cell
    mix = grid.mixes[w]
    frequencies = bagging.frequencies
    if choice.verdict == "use none":
        frequencies = np.zeros_like(frequencies)
        frequencies[choice.real_only] = 1.0
    adaptation = Adaptation(
        case="labelled target",
        statement=(
            f"Labelled target: the {len(target)} target points join the training points and were each left "
            "out once; "
            "they alone are scored, source and synthetic points never."
        ),
        conditional=False,
        num_source=len(source),
        num_target=len(target),
        mixes=grid.mixes,
        mix=mix,
        baselines=_baselines(
            source_c, target_c, pool_c if recipe is None else None, residuals, grid
        ),
        **wasserstein_of(table, "source", options.names[1]),
    )
    return Advice(
        verdict=choice.verdict,
        count=int(grid.counts[c]),
        ratio=float(grid.counts[c] / (len(source) + len(target))),
        weight=mix.synthetic_weight,
        ridge=float(ridges[l]),
        kernel=kernel,
        interval=(int(grid.counts[choice.interval[0]]), int(grid.counts[choice.interval[1]])),
        gain=bagging.gain.value,
        gain_interval=bagging.gain.interval,
        distances=table,
        sweep=sweep,
        curve=_setup.curve_of(sweep, residuals, choice, bagging.frequencies),
        real_only_error=float(residuals[choice.real_only].mean()),
        error=float(residuals[choice.cell].mean()),
        num_real=len(source) + len(target),
        pool=size,
        copies=copies,
        warnings=(
            *cautions,
            *_cautions.after_the_sweep(choice, sweep, size, int(grid.counts[-1])),
        ),
        settings=settings(
            options,
            {
                "fitted_on": "real" if recipe is not None else options.fitted_on,
                "kernel": kernel,
                "kernel_grid": kernel_grid,
                "ridges": ridges.tolist(),
                "target_weights": options.target_weights.tolist(),
                "counts": grid.counts.tolist(),
                "num_orders": len(orders),
                "folds": options.folds if recipe is not None else None,
                "source": repr(source),
                "target": repr(target),
                "synthetic": repr(pool),
            },
        ),
        names=options.names,
        predictor=averaged(source_c, target_c, pool_c[orders[0]], grid, frequencies, centre),
        adaptation=adaptation,
    )


def mixes_of(weights: np.ndarray, target_weights: np.ndarray) -> tuple[Mix, ...]:
    """Mixes with the source, then those without it, in which a target point weighs one."""
    with_source = [Mix(True, float(v), float(w)) for v in target_weights for w in weights]
    return (*with_source, *(Mix(False, 1.0, float(w)) for w in weights))


def sweep_once(
    source: Dataset, target: Dataset, pool: Dataset, *, grid: Grid, tick: Callable[[], None]
) -> krr.Sweep:
    """All mixes, ridges and counts with one order of one pool, as a sweep whose weights are the mixes'."""
    groups = {"source": source, "target": target, "synthetic": pool}
    options = {
        "kernel": grid.kernel,
        "ridges": grid.ridges,
        "score": "target",
        "residuals": True,
        "memory_limit": grid.memory_limit,
    }
    parts = []
    for source_counts, target_weights in ((len(source), grid.target_weights), (0, np.ones(1))):
        parts.append(
            krr.sweep_groups(
                groups,
                counts={"source": [source_counts], "synthetic": grid.counts},
                weights={"target": target_weights, "synthetic": grid.weights},
                **options,
            )
        )
        tick()
    merge = partial(_merged, parts, len(grid.mixes))
    mine = "target"
    wrong = parts[0].loo_wrong is not None
    return krr.Sweep(
        counts=grid.counts,
        ratios=grid.counts / (len(source) + len(target)),
        ridges=grid.ridges,
        weights=np.array([mix.synthetic_weight for mix in grid.mixes]),
        loo_error=merge(lambda s: s.loo_error[mine]),
        loo_misclassified=merge(lambda s: (s.loo_misclassified or {})[mine]) if wrong else None,
        loo_residuals=merge(lambda s: (s.loo_residuals or {})[mine]),
        loo_wrong=merge(lambda s: (s.loo_wrong or {})[mine]) if wrong else None,
        test_error=None,
        test_misclassified=None,
        status=merge(lambda s: s.status),
        largest_eigenvalue=max(s.largest_eigenvalue for s in parts),
    )


def _merged(
    parts: list[krr.GroupSweep], mixes: int, take: Callable[[krr.GroupSweep], np.ndarray]
) -> np.ndarray:
    """Axes (weight of each group, ridge, counts of each[, n]) as (mix, ridge, count[, n])."""
    flat = []
    for part in parts:
        values = np.asarray(take(part))
        rest = values.shape[7:]
        flat.append(values.reshape(-1, *(values.shape[i] for i in (3, 6)), *rest))
    merged = np.concatenate(flat)
    assert len(merged) == mixes
    return merged


def _baselines(
    source: Dataset,
    target: Dataset,
    pool: Dataset | None,
    residuals: Float[np.ndarray, "w l c n"],
    grid: Grid,
) -> dict[str, float]:
    """Errors on the target points of what the mix is compared with, each at its ridge of least error.

    A pool whose generator saw these target points (None) is no baseline.
    """
    inside = np.array([mix.source for mix in grid.mixes])
    error = np.where(np.isfinite(residuals), residuals, np.inf).mean(axis=-1)
    found = {}
    for name, data in (("source alone", source), ("synthetic alone", pool)):
        if data is not None:
            options = {"kernel": grid.kernel, "ridges": grid.ridges, "loo": False}
            values = np.asarray(krr.sweep(data, None, test=target, **options).test_error)
            found[name] = float(np.where(np.isfinite(values), values, np.inf).min())
    return {
        **found,
        "target alone": float(error[~inside, :, 0].min()),
        "source and target": float(error[inside, :, 0].min()),
    }


def _check(source: Dataset, target: Dataset, pool: Dataset, samples: bool) -> None:
    check_pair(source, pool, "synthetic")
    _cautions.check_classes(target, pool, ("target_validation", "synthetic"))
    _cautions.check_covered(source, target)
    others = {"source": source, "synthetic": pool}
    check_overlap(target, others, ("source", "synthetic") if samples else ("source",))
