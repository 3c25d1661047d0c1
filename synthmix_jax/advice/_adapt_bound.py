"""Nothing of the target: what the stability bound for adaptation says, for assumptions that nobody can check.

No error on the target can be estimated. What can be measured is D = W(S, T'), how far the synthetic points lie from
the source. If they lie f D from the target, the source lies at least (1 - f) D from it (triangle inequality),
and the bound's best share of the synthetic points in the loss is above m/(n + m), that of weight one, whenever
f < 1/2: a generator that misses the target by less than half its distance to the source deserves a weight of
one or more, whatever the bound's constants. Derived here from `theory.adaptation_bound`.
"""

import warnings as python_warnings
from functools import partial

import numpy as np

from synthmix_jax import _numerics, theory
from synthmix_jax.dataset import Dataset

from . import _cautions, _evidence, _kernel_choice, _setup
from ._adapt_options import Options, settings
from ._compared import compared, wasserstein_of
from ._predictor import bagged
from ._records import Adaptation, Advice, Curve, Mix

# How far the synthetic points miss the target, as parts of their distance to the source.
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
# n xi D / S: how much a distance of D costs beside what n points leave to chance.
CONSTANTS = (0.1, 1.0, 10.0)


def advise(source: Dataset, pool: Dataset, options: Options) -> Advice:
    """An advice without a verdict: all synthetic points at weight one, and what the bound makes of assumptions.

    Raises:
        ValueError: classes that one side lacks.
    """
    _cautions.check_classes(source, pool, ("the source", "synthetic"))
    keys = options.keys()
    cautions = (
        *_cautions.few_per_class(source, "source"),
        *_cautions.misread(source, pool),
        "No point of the target is known: no error on the target could be estimated, and the amount is a guess.",
    )
    for caution in cautions:
        python_warnings.warn(caution, stacklevel=4)
    centre = _setup.mean_target(source)
    source_c, pool_c = (_evidence.centred(d, centre) for d in (source, pool))
    tick = _setup.Ticker(options.progress, 2 + bool(options.distances))
    kernel, ridges, kernel_grid = _setup.kernel_and_ridges(
        source_c,
        options.kernel,
        options.ridges,
        partial(_kernel_choice.choose_kernel, source_c, key=keys["order"]),
    )
    tick("kernel chosen")
    table = None
    if options.distances:
        tick("comparing")
        table = compared(source, pool, options.names[1], False, key=keys["bootstrap"])
    tick("done")
    n, m = len(source), len(pool)
    nan = np.full(2, np.nan)
    mix = Mix(True, 1.0, 1.0)
    counts = np.array([0, m])
    ridge = float(ridges[np.argmin(_evidence.loo_by_ridge(source_c, kernel, ridges))])
    return Advice(
        verdict="no clear optimum",
        count=m,
        ratio=m / n,
        weight=1.0,
        ridge=ridge,
        kernel=kernel,
        interval=(0, m),
        gain=float("nan"),
        gain_interval=(float("nan"), float("nan")),
        distances=table,
        sweep=None,
        curve=Curve(counts, nan, nan, nan, None, np.zeros(2)),
        real_only_error=float("nan"),
        error=float("nan"),
        num_real=n,
        pool=m,
        copies=None,
        warnings=cautions,
        settings=settings(
            options,
            {
                "kernel": kernel,
                "kernel_grid": kernel_grid,
                "ridges": ridges.tolist(),
                "source": repr(source),
                "target": None,
                "synthetic": repr(pool),
            },
        ),
        names=options.names,
        predictor=bagged(
            source_c,
            pool_c,
            [np.arange(m)],
            kernel=kernel,
            ridges=np.array([ridge]),
            weights=np.ones(1),
            counts=counts,
            frequencies=np.array([[[0.0, 1.0]]]),
            centre=centre,
        ),
        adaptation=Adaptation(
            case="no target",
            statement=(
                "No target: nothing of the target is known but what the generator makes of it. No error on "
                "the target "
                "can be estimated; what follows is a bound, conditional on distances that nobody has measured."
            ),
            conditional=True,
            num_source=n,
            num_target=0,
            mixes=(),
            mix=mix,
            baselines={},
            **wasserstein_of(table, options.names[1]),
            shares={
                assumption(fraction, constant): share
                for constant in CONSTANTS
                for fraction, share in zip(FRACTIONS, best_shares(n, m, constant), strict=True)
            },
        ),
    )


def best_shares(n: int, m: int, constant: float) -> list[float]:
    """The bound's best synthetic share at each of `FRACTIONS`, with D = 1 and S = n xi D / constant."""
    fractions = np.array(FRACTIONS)
    with _numerics.x64():
        shares = theory.optimal_adaptation_share(
            n=n,
            m=m,
            source_distance=1.0 - fractions,
            synthetic_distance=fractions,
            lipschitz=1.0,
            stability=n / constant,
        )
    return np.asarray(shares, np.float64).tolist()


def assumption(fraction: float, constant: float) -> str:
    """The name of an assumption in `Adaptation.shares`."""
    return f"W(T',T) = {fraction:g} D, n xi D / S = {constant:g}"
