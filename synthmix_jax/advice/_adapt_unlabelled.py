"""Unlabelled target points: leave-one-out errors of source points, weighted to look like the target.

Where labels depend on inputs in the target as they do in the source (covariate shift), the error on the target
is the mean over the source of r(x) times the error at x, r the ratio of the densities. The weighted errors take the
place of the errors in the rule of `recommend`; what they are worth is their effective sample size. The
assumption cannot be checked without labels, so the advice is conditional.

References:
    Sugiyama, Krauledat & Mueller (2007), Covariate Shift Adaptation by Importance Weighted Cross Validation.
    [sugiyama2007]
"""

import warnings as python_warnings
from functools import partial

import numpy as np

from synthmix_jax import _numerics, adaptation, features
from synthmix_jax.dataset import Dataset

from . import _cautions, _evidence, _intervals, _kernel_choice, _setup, _verdict
from ._adapt_options import Options, settings
from ._compared import compared_several, wasserstein_of
from ._copies import look_for_copies
from ._evidence import Grid
from ._predictor import bagged
from ._records import Adaptation, Advice, Mix

# Densities of more features than this are compared on so many principal components of all points.
_FEATURES = 10
# With fewer source points' worth of evidence, or less of the target covered by the source, nothing is claimed.
_ENOUGH, _COVERED = 10.0, 0.5


def advise(source: Dataset, pool: Dataset, target: np.ndarray, options: Options) -> Advice:
    """The rule of `recommend` on density-ratio-weighted leave-one-out errors.

    Raises:
        ValueError: fewer than three source or target points, classes that one side lacks.
    """
    _cautions.check_classes(source, pool, ("the source", "synthetic"))
    keys = options.keys()
    ratio = _ratio(source, target, keys["ratio"])
    share = ratio.values
    effective = ratio.effective_sample_size
    weak = effective < _ENOUGH or ratio.coverage < _COVERED
    # Source points are what is scored here, so a generator that made its samples of them would flatter itself.
    copies = look_for_copies(source, pool)
    cautions = [
        *_cautions.few_per_class(source, "source"),
        *_cautions.misread(source, pool),
        *_cautions.about_copies(copies),
    ]
    cautions += _doubts(ratio, len(source))
    for caution in cautions:
        python_warnings.warn(caution, stacklevel=4)

    centre = _setup.mean_target(source)
    source_c, pool_c = (_evidence.centred(d, centre) for d in (source, pool))
    tick = _setup.Ticker(
        options.progress,
        2 + bool(options.distances) + options.num_orders * len(options.weights),
    )
    choose = partial(_kernel_choice.choose_kernel, source_c, key=keys["order"], importance=share)
    kernel, ridges, kernel_grid = _setup.kernel_and_ridges(
        source_c, options.kernel, options.ridges, choose
    )
    tick("kernel chosen")
    counts = _setup.checked_counts(options.counts, len(pool))
    grid = Grid(kernel, ridges, options.weights, counts, options.memory_limit)
    orders = _evidence.nested_orders(pool, options.num_orders, key=keys["order"])
    sweep = _evidence.weighted(
        _evidence.from_pool(source_c, pool_c, orders, grid, partial(tick, "sweeping")), share
    )
    residuals = sweep.loo_residuals
    assert residuals is not None
    bagging = _intervals.bag(
        residuals,
        num_bootstrap=options.num_bootstrap,
        rng=_numerics.host_generator(keys["bootstrap"]),
    )
    choice = _verdict.decide(residuals, counts, len(pool), bagging)
    if weak and choice.verdict != "no clear optimum":
        choice = choice._replace(
            verdict="no clear optimum", interval=(0, max(choice.interval[1], choice.cell[2]))
        )
    table = None
    if options.distances:
        tick("comparing")
        samples = {"source": source.x, options.names[1]: pool.x}
        table = compared_several(target, samples, False, key=keys["bootstrap"])
    tick("done")
    w, l, c = choice.cell
    frequencies = bagging.frequencies
    if choice.verdict == "use none":
        frequencies = np.zeros_like(frequencies)
        frequencies[choice.real_only] = 1.0
    mixes = tuple(Mix(True, 1.0, float(weight)) for weight in options.weights)
    about = Adaptation(
        case="unlabelled target",
        statement=(
            f"Unlabelled target: {len(target)} target points without labels. Errors are those of left-out source "
            f"points, weighted to look like the target; the {len(source)} source points are worth "
            f"{effective:.0f} so. Conditional: labels must depend on inputs in the target as in the source."
        ),
        conditional=True,
        num_source=len(source),
        num_target=len(target),
        mixes=mixes,
        mix=mixes[w],
        baselines={},
        effective_sample_size=effective,
        coverage=ratio.coverage,
        sufficient=not weak,
        **wasserstein_of(table, "source", options.names[1]),
    )
    return Advice(
        verdict=choice.verdict,
        count=int(counts[c]),
        ratio=float(counts[c] / len(source)),
        weight=mixes[w].synthetic_weight,
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
        num_real=len(source),
        pool=len(pool),
        copies=copies,
        warnings=(*cautions, *_cautions.after_the_sweep(choice, sweep, len(pool), int(counts[-1]))),
        settings=settings(
            options,
            {
                "kernel": kernel,
                "kernel_grid": kernel_grid,
                "density_ratio": {
                    "lengthscale": ratio.lengthscale,
                    "ridge": ratio.ridge,
                    "score": ratio.score,
                    "most_components": _FEATURES,
                },
                "ridges": ridges.tolist(),
                "counts": counts.tolist(),
                "num_orders": len(orders),
                "source": repr(source),
                "target": f"{len(target)} inputs",
                "synthetic": repr(pool),
            },
        ),
        names=options.names,
        predictor=bagged(
            source_c,
            pool_c,
            orders,
            kernel=kernel,
            ridges=ridges,
            weights=options.weights,
            counts=counts,
            frequencies=frequencies,
            centre=centre,
        ),
        adaptation=about,
    )


def _ratio(source: Dataset, target: np.ndarray, key) -> adaptation.DensityRatio:
    """Density ratio at the source points, on few features."""
    x, other = (np.asarray(_numerics.as_rows(np.asarray(a))) for a in (source.x, target))
    if x.shape[1] > _FEATURES:
        both = np.concatenate([x, other])
        seen = features.PCA.fit(both, min(_FEATURES, len(both) - 1))
        x, other = (np.asarray(seen(a), np.float64) for a in (x, other))
    return adaptation.density_ratio(x, other, key=key)


def _doubts(ratio: adaptation.DensityRatio, n: int) -> list[str]:
    if ratio.coverage < _COVERED:
        return [
            f"The target lies largely where there is no source point (coverage {ratio.coverage:.2f} of 1): no "
            "weights "
            "make the source look like it, and nothing is claimed. Label a few target points."
        ]
    if ratio.effective_sample_size < _ENOUGH:
        return [
            f"The {n} source points, weighted to look like the target, are worth "
            f"{ratio.effective_sample_size:.1f}: too few to claim anything. Label a few target points."
        ]
    if ratio.score >= ratio.constant_score:
        return [
            "The inputs of source and target show no shift: the errors are those of the source. If labels "
            "depend on "
            "inputs otherwise in the target, only labelled target points can tell."
        ]
    return []
