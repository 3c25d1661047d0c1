"""What is run: data sets, sources of synthetic data, sizes, presets."""

from dataclasses import dataclass

from .catalogue import (
    CLASSES,
    DIALS_CLASSES,
    DIALS_TARGETS,
    FEW_CLASSES,
    FEW_TARGETS,
    IMAGES,
    TARGETS,
    Source,
)

QUICK_METRICS = ("sliced_wasserstein", "gaussian_wasserstein", "mmd", "energy")
METRICS = (
    "wasserstein",
    "wasserstein_1",
    "sliced_wasserstein",
    "gaussian_wasserstein",
    "mmd",
    "mmd_mixture",
    "energy",
)


@dataclass(frozen=True)
class Study:
    """One data set.

    Attributes:
        data: Its name in `data.py`.
        real: Real points of each arm, one cell each.
        pools: Synthetic points at hand in each of these cells.
        candidates: Points that real ones are drawn from.
        test: Test points, the same for all arms.
        sources: Where synthetic data comes from.
        networks: Ratios at which networks are trained too; () for none.
        network_real: Real points of each network; one of `real`.
    """

    data: str
    real: tuple[int, ...]
    pools: tuple[int, ...]
    candidates: int
    test: int
    sources: tuple[Source, ...]
    networks: tuple[float, ...] = ()
    network_real: int = 100


@dataclass(frozen=True)
class Config:
    """One run.

    Attributes:
        studies: Data sets.
        metrics: Of `smx.distances.METRICS`; for classes `labelled_wasserstein` comes beside "wasserstein".
        fits: Times each source is fitted, on other points of the generators' pool.
        draws_of_real: Times the real points are drawn; crossed with fits.
        draws: Synthetic samples, each in an order of its own, of every fit and draw of the real points.
        counts: Counts on each curve.
        ridges: Absolute ridges; leave-one-out chooses among them at every count.
        weights: Weights below one of all synthetic points; the first sample of each fit and draw only.
        num_bootstrap: Random halves behind each distance.
        max_points: Points of each side that distances are computed on.
        reference_points: Candidates (or all there are) that distances are also computed on, beyond what a user has.
        reference_synthetic: Synthetic points beside them.
        network_fits: Fits of each source that networks are trained on.
        network_seeds: Networks at every ratio and fit; each seed draws real points of its own.
        network_steps: Steps of each.
        resamples: Bootstrap resamples behind the intervals of the summary.
    """

    studies: tuple[Study, ...]
    metrics: tuple[str, ...] = METRICS
    fits: int = 2
    draws_of_real: int = 4
    draws: int = 2
    counts: int = 10
    ridges: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)
    weights: tuple[float, ...] = (0.1, 0.3)
    num_bootstrap: int = 20
    max_points: int = 150
    reference_points: int = 400
    reference_synthetic: int = 800
    network_fits: int = 1
    network_seeds: int = 3
    network_steps: int = 500
    resamples: int = 1000


RATIOS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
N30, N100, N300 = (30, 480), (100, 800), (300, 900)


def study(data: str, sizes, candidates: int, test: int, sources, networks=()) -> Study:
    """A study from pairs of real points and synthetic points at hand."""
    real, pools = zip(*sizes, strict=True)
    return Study(data, real, pools, candidates, test, sources, networks)


CPU = Config(
    studies=(
        study("digits", (N30, N100), 350, 600, IMAGES, RATIOS),
        study("usps", (N30, N100), 2000, 600, IMAGES),
        study("mnist", (N30,), 2000, 600, IMAGES),
        study("cifar10", (N100,), 2000, 600, CLASSES),
        study("friedman", (N30, N100), 1000, 600, TARGETS, RATIOS),
        study("diabetes", (N30, N100), 150, 150, TARGETS),
    )
)
QUICK = Config(
    studies=(
        study("digits", ((30, 120),), 350, 300, FEW_CLASSES),
        study("diabetes", ((30, 120),), 150, 150, FEW_TARGETS),
    ),
    metrics=QUICK_METRICS,
    draws_of_real=2,
    counts=6,
    ridges=(0.3, 3.0),
    weights=(0.1,),
    reference_points=60,
    reference_synthetic=120,
    resamples=50,
)
# One kind of damage at a time.
DIALS = Config(
    studies=(
        study("digits", (N30, N100), 350, 600, DIALS_CLASSES),
        study("friedman", (N30, N100), 1000, 600, DIALS_TARGETS),
    ),
    draws_of_real=3,
    draws=1,
)
ALL = (N30, N100, N300)
GPU = Config(
    studies=(
        study("digits", ALL, 350, 600, IMAGES, RATIOS),
        study("usps", ALL, 2000, 600, IMAGES, RATIOS),
        study("mnist", ALL, 2000, 600, IMAGES, RATIOS),
        study("cifar10", ALL, 2000, 600, CLASSES, RATIOS),
        study("friedman", ALL, 1000, 600, TARGETS, RATIOS),
        study("diabetes", (N30, N100), 150, 150, TARGETS),
    ),
    fits=4,
    draws_of_real=8,
    network_fits=4,
)
PRESETS = {"quick": QUICK, "cpu": CPU, "gpu": GPU, "dials": DIALS}
