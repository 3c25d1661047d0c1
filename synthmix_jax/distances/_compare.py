"""`compare`: every distance with an interval, beside what real points show among themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax import _checks, _numerics
from synthmix_jax import features as feature_maps
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _resample, _samples
from ._labelled import class_moments, class_squares
from ._metrics import METRICS
from ._pools import (
    Sample,
    as_data,
    check_classes,
    check_scale,
    described,
    groups,
    mapped,
    part,
    pool_of,
)
from ._resample import Parts
from ._rows import row_of
from ._table import Row, Table

Progress = Callable[[int, int, str], None]


LEAST = 4
"""Points a sample, or a class, must have: halves of two."""


def compare(
    real: Dataset | Array,
    synthetic: Dataset | Array | Mapping[str, Dataset | Array],
    *,
    key: Key,
    metrics: Sequence[str] | None = None,
    features: Callable[[Any], Array] | None = None,
    num_bootstrap: int = 100,
    level: float = 0.9,
    max_points: int = 1000,
    per_class: bool = True,
    debias: bool = False,
    epsilon: float | int = 0.01,
    progress: Progress | None = None,
) -> Table:
    """Distances between real and synthetic points, each beside its floor: real against real at the same size.

    Every value is a mean over random halves (`num_bootstrap` of them): half of the real points against as many
    synthetic ones, and against the other half of the real points, the floor. Both have the same sample sizes; the
    excess is value less floor, paired half by half. Intervals are percentiles over halves (a bootstrap without
    replacement, which makes no ties; about right at half of the points, `_resample` says where not). A generator is
    told apart ("above") where the interval of the excess lies above zero.

    A floor takes away the sampling error of real data, not that of the generator's. Transport distances in many
    dimensions are mostly sampling error, which is smaller for a generator of less variety: such a one may lie
    *below* the floor, and rank above a better one. `debias=True` takes both away, and ranks rightly where the
    plain form does not (digits and CIFAR-10, in the tests); it needs twice the points. Sliced, Gaussian, energy
    and kernel distances rank rightly in both forms.

    Args:
        real: Real points, at least four: a `Dataset`, or an array without labels.
        synthetic: Synthetic points, or several generators' by name; those of one size share a floor.
        key: PRNG key of halves and random directions.
        metrics: Names from `METRICS`; None for all that the data allow (labelled ones need labels on both sides).
        features: What the points are mapped by before they are compared, (n, ...) -> (n, d); None for random
            convolutional features of images and the features as given of vectors. The table says which.
        num_bootstrap: Random halves.
        level: Level of all intervals.
        max_points: Most points of each sample that are used, a random part of more; cost grows with its square.
        per_class: Add a row for each class and metric, classes at one common size.
        debias: Subtract the sampling bias instead of showing it: with disjoint parts x1, x2 and y1, y2,
            (S(x1, y1) + S(x2, y2) - S(x1, x2) - S(y1, y2)) / 2 in the power in which biases add up; values may
            then be negative, floors are near zero, and parts are quarters of the real points.
        epsilon: Entropic regularisation of the transport distances, relative to the mean cost between real points.
        progress: Called as progress(done, total, what) between steps.

    Returns:
        A `Table`: `table["wasserstein"].excess`, `print(table)`.

    Raises:
        ValueError: a metric that does not exist (the message lists those that do), samples that do not match or
            hold fewer than four points, labelled metrics without labels, or bad options.

    References:
        Floors by halves and the debiased form: derived here (the latter from classical parts).
    """
    generators = dict(synthetic) if isinstance(synthetic, Mapping) else {"synthetic": synthetic}
    _check_options(generators, num_bootstrap, level, max_points)
    _checks.positive_value("epsilon", epsilon)
    check_classes(real, generators)
    given = as_data("real", real)
    others = {name: as_data(name, value) for name, value in generators.items()}
    for name, (x, _) in others.items():
        check_scale(given[0], x, name)
    chosen = _chosen(metrics, [given[1], *(labels for _, labels in others.values())])
    words = _numerics.host_generator(key).integers(2**32, size=2).tolist()
    build = _resample.quarters if debias else _resample.halves
    maps = feature_maps.default(given[0]) if features is None else features
    settings = Settings(chosen, build, num_bootstrap, level, per_class, debias, float(epsilon), key)
    taken = {
        name: part(data, max_points, words) for name, data in {"real": given, **others}.items()
    }
    mine = mapped("real", taken["real"], maps)
    floors: dict[Any, np.ndarray] = {}
    rows, matrices, tick = [], {}, _Ticker(progress, len(chosen) * len(generators))
    for name in generators:
        theirs = mapped(name, taken[name], maps)
        found, matrix = _one(mine, theirs, name, settings, words, floors, tick)
        rows += found
        if matrix is not None:
            matrices[name] = matrix
    place = {metric: i for i, metric in enumerate(chosen)}
    rows.sort(key=lambda row: (-1 if row.label is None else row.label, place[row.metric]))
    return Table(
        rows=tuple(rows),
        features=described(maps),
        level=level,
        num_resamples=num_bootstrap,
        num_real=len(given[0]),
        num_synthetic={name: len(x) for name, (x, _) in others.items()},
        class_distances=matrices,
        class_names=real.class_names if isinstance(real, Dataset) else None,
        settings={
            "metrics": list(chosen),
            "max_points": max_points,
            "debias": debias,
            "epsilon": epsilon,
            "per_class": per_class,
            "features": described(maps),
            "key": np.asarray(_words(key)).tolist(),
            "points_used": {name: len(x) for name, (x, _) in taken.items()},
        },
        warnings=tuple(_warnings({"real": real, **generators}, taken, chosen)),
    )


class Settings(NamedTuple):
    """What is the same for all generators."""

    metrics: list[str]
    build: Callable[..., Parts]
    num_bootstrap: int
    level: float
    per_class: bool
    debias: bool
    epsilon: float
    key: Any


def _one(
    mine: Sample, theirs: Sample, name: str, settings: Settings, words: list[int], floors, tick
) -> tuple[list[Row], np.ndarray | None]:
    """Rows of one generator, and its class-to-class distances: a pool of its own, so that none disturbs another."""
    least = 2 * LEAST if settings.debias else LEAST
    for whose, sample in (("real", mine), (name, theirs)):
        if len(sample.points) < least:
            raise ValueError(
                f"{whose} has {len(sample.points)} points in use; parts to compare need at least {least}. "
                "Give more points, or raise max_points."
            )
    pool = pool_of(mine, theirs, epsilon=settings.epsilon, key=settings.key)
    sides = (np.arange(pool.num_real), np.arange(pool.num_real, len(pool.points)))
    k = 0 if pool.labels is None else int(pool.labels.max()) + 1
    classes = groups(pool, sides, k if settings.per_class else 0, least, words)
    parts = {
        label: None
        if at is None
        else settings.build(
            *at, count=settings.num_bootstrap, seed=[*words, 0 if label is None else label + 1]
        )
        for label, at in classes.items()
    }
    rows = []
    with _samples.precision(pool.points):
        for metric in settings.metrics:
            entry = METRICS[metric]
            tick(f"{name}: {metric}")
            if entry.labelled and pool.labels is None:
                continue
            evaluated = entry.metric(pool)
            rows += [
                row_of(evaluated, metric, label, at, name, settings.level, settings.debias, floors)
                for label, at in parts.items()
                if label is None or not entry.labelled
            ]
    if pool.labels is None:
        return rows, None
    one, two = (class_moments(pool.points[at], pool.labels[at], k) for at in sides)
    return rows, np.sqrt(class_squares(one, two))


def _chosen(metrics: Sequence[str] | None, labels: list[np.ndarray | None]) -> list[str]:
    """The metrics to compute; labelled ones where real points and some generator's have labels."""
    labelled = labels[0] is not None and any(v is not None for v in labels[1:])
    if metrics is None:
        return [name for name, entry in METRICS.items() if labelled or not entry.labelled]
    if isinstance(metrics, str) or not list(metrics):
        raise ValueError(
            f"metrics must be a list of names, got {metrics!r}. Known: {', '.join(METRICS)}."
        )
    for name in metrics:
        if name not in METRICS:
            raise ValueError(f"metric {name!r} does not exist; known are {', '.join(METRICS)}.")
        if METRICS[name].labelled and not labelled:
            raise ValueError(
                f"metric {name!r} needs integer labels on both sides. Give Datasets with classes."
            )
    return list(dict.fromkeys(metrics))


def _check_options(generators: dict, num_bootstrap: Any, level: Any, max_points: Any) -> None:
    if not generators or "real" in generators:
        raise ValueError(
            'synthetic must name at least one generator, none of them "real", got '
            f"{list(generators)!r}."
        )
    for name, value, least in (
        ("num_bootstrap", num_bootstrap, 20),
        ("max_points", max_points, LEAST),
    ):
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}.")
    if num_bootstrap * (1 - level) < 2 - 1e-9:
        raise ValueError(
            f"level {level:g} needs num_bootstrap of at least {int(np.ceil(2 / (1 - level) - 1e-6))}, one beyond "
            f"each end, got {num_bootstrap}."
        )


def _warnings(given: dict[str, Any], taken: dict[str, Sample], metrics: list[str]) -> list[str]:
    parts = [
        f"{name}: {len(taken[name].points):,} of {len(data):,} points were used, drawn at random (max_points)."
        for name, data in given.items()
        if len(taken[name].points) < len(data)
    ]
    if any(isinstance(d, Dataset) and d.num_classes is None for d in given.values()):
        parts.append(
            "Regression targets take no part: these are distances of inputs alone. To see wrong targets, "
            "compare np.column_stack([x, y]), with inputs and targets scaled to matter alike."
        )
    bare = [name for name, sample in taken.items() if sample.labels is None]
    if bare and len(bare) < len(taken):
        parts.append(
            f"{', '.join(bare)} without class labels: no rows of classes there, no labelled metric."
        )
    return parts


class _Ticker:
    """Counts metrics and tells a progress callback."""

    def __init__(self, progress: Progress | None, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, what: str) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total, what)


def _words(key: Key) -> Any:
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(key) if typed else key
