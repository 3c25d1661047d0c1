"""`compare`: every distance with an interval, beside what real points show among themselves."""

import itertools
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax import _checks, _numerics, kernels
from synthmix_jax import features as feature_maps
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _resample, _samples
from ._labelled import class_moments, class_squares
from ._metrics import METRICS, Pool
from ._rows import rows_of
from ._table import Table

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
    excess is value less floor. The interval of the value is that of percentiles over halves (a bootstrap without
    replacement, which makes no ties; right to first order at half of the points, else wider than need be). The
    interval of the floor says what single real samples of this size show: a value inside it cannot be told from
    real data.

    A floor takes away the sampling error of real data, not that of the generator's. Transport distances in many
    dimensions are mostly sampling error, which is smaller for a generator of less variety: such a one may lie
    *below* the floor, and rank above a better one. `debias=True` takes both away, and ranks rightly where the
    plain form does not (digits and CIFAR-10, in the tests); it needs twice the points. Sliced, Gaussian, energy
    and kernel distances rank rightly in both forms.

    Args:
        real: Real points, at least four: a `Dataset`, or an array without labels.
        synthetic: Synthetic points, or several generators' by name; all share one floor.
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
    _check_classes(real, generators)
    data = {name: _as_data(name, value) for name, value in {"real": real, **generators}.items()}
    given = [real, *generators.values()]
    targets = [d for d in given if isinstance(d, Dataset) and d.num_classes is None]
    labelled = all(labels is not None for _, labels in data.values())
    chosen = _chosen(metrics, labelled)
    rngs = _generators(key, list(data))
    used = {
        name: np.sort(rng.permutation(len(x))[:max_points])
        for rng, (name, (x, _)) in zip(rngs, data.items(), strict=True)
    }
    maps = feature_maps.default(data["real"][0]) if features is None else features
    pool, rows = _pool(data, used, maps, labelled, epsilon, key)
    least = 2 * LEAST if debias else LEAST
    for name, at in rows.items():
        if len(at) < least:
            raise ValueError(
                f"{name} has {len(at)} points; halves to compare need at least {least}. Give more points."
            )
    num_classes = 0 if pool.labels is None else int(pool.labels.max()) + 1
    groups = _groups(pool, rows, num_classes if per_class else 0, least, rngs)
    build = _resample.quarters if debias else _resample.halves
    computed, warnings = [], _warnings(data, used, targets)
    total, done = len(chosen) * len(groups), 0
    parts = {
        label: None if at is None else build(at[0], at[1:], count=num_bootstrap, rngs=rngs)
        for label, at in groups.items()
    }
    with _samples.precision(pool.points):
        for name in chosen:
            metric = METRICS[name].metric(pool)
            for label, at in parts.items():
                done += 1
                if progress is not None:
                    progress(done, total, name if label is None else f"{name}, class {label}")
                if label is not None and METRICS[name].labelled:
                    continue
                computed += rows_of(metric, name, label, at, list(generators), level, debias)
    order = {None: -1, **{c: c for c in range(num_classes)}}
    computed.sort(key=lambda row: (row.label is not None, order[row.label]))
    named = real.class_names if isinstance(real, Dataset) else None
    return Table(
        rows=tuple(computed),
        features=_described(maps),
        level=level,
        num_resamples=num_bootstrap,
        num_real=len(data["real"][0]),
        num_synthetic={name: len(data[name][0]) for name in generators},
        class_distances=_class_distances(pool, rows, num_classes),
        class_names=named,
        settings={
            "metrics": list(chosen),
            "max_points": max_points,
            "debias": debias,
            "epsilon": epsilon,
            "per_class": per_class,
            "features": _described(maps),
            "key": np.asarray(_words(key)).tolist(),
            "points_used": {name: len(at) for name, at in used.items()},
        },
        warnings=tuple(warnings),
    )


def _generators(key: Key, names: list[str]) -> list[np.random.Generator]:
    """Random numbers of each sample, by the key and the sample's name."""
    words = _numerics.host_generator(key).integers(2**32, size=2)
    return [
        np.random.default_rng([*words, zlib.crc32(name.encode("utf-8", "replace"))])
        for name in names
    ]


def _check_classes(real: Any, generators: dict[str, Any]) -> None:
    """Labels are compared by number, so names must agree where both sides have them."""
    mine = getattr(real, "class_names", None)
    for name, data in generators.items():
        theirs = getattr(data, "class_names", None)
        if mine is None or theirs is None or mine == theirs:
            continue
        pairs = itertools.zip_longest(mine, theirs, fillvalue="no class")
        number, (one, two) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f"class names differ: number {number} is {one!r} in real and {two!r} in {name}. "
            "Use the same classes in the same order."
        )


def _as_data(name: str, value: Any) -> tuple[Array, np.ndarray | None]:
    """Inputs, and labels or None."""
    if isinstance(value, Dataset):
        labels = None if value.num_classes is None else np.asarray(value.y)
        x = value.x
    else:
        x, labels = _checks.numeric_array(name, value), None
        if x.ndim == 1:
            x = x[:, None]
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(
            f"{name} has shape {x.shape}: it holds no points. Give rows (n, d) or images."
        )
    _checks.finite(name, x)
    return x, labels


def _pool(data, used, maps, labelled, epsilon, key) -> tuple[Pool, dict[str, np.ndarray]]:
    """All points used, mapped and stacked, and which rows are whose."""
    mapped: dict[str, Any] = {}
    for name, (x, _) in data.items():
        x = np.asarray(x[used[name]])
        mapped[name] = np.asarray(maps(x))
        first = mapped["real"]
        if mapped[name].ndim != 2 or len(mapped[name]) != len(x):
            raise ValueError(
                f"features must map {x.shape} to ({len(x)}, d), got {mapped[name].shape} from {_described(maps)}."
            )
        if mapped[name].shape[1] != first.shape[1]:
            raise ValueError(
                f"real and {name} have {first.shape[1]} and {mapped[name].shape[1]} features a point. "
                "Compare points of one kind, image sizes included."
            )
    cast = {name: _samples.paired(mapped["real"], v)[1] for name, v in mapped.items()}
    wide = np.result_type(*cast.values())
    points = np.concatenate([np.asarray(v, wide) for v in cast.values()])
    ends = np.cumsum([len(v) for v in cast.values()])
    rows = {
        name: np.arange(end - len(v), end)
        for (name, v), end in zip(cast.items(), ends, strict=True)
    }
    labels = np.concatenate([data[name][1][used[name]] for name in data]) if labelled else None
    with _samples.precision(points):
        squared = kernels.squared_distances(jnp.asarray(points), jnp.asarray(points))
    return Pool(points, squared, labels, len(rows["real"]), float(epsilon), key), rows


def _groups(
    pool: Pool,
    rows: dict[str, np.ndarray],
    num_classes: int,
    least: int,
    rngs: list[np.random.Generator],
) -> dict[int | None, list[np.ndarray] | None]:
    """Rows of each sample, whole and by class; None for a class with too few points on some side.

    All classes take part with as many points as the smallest that has enough, so that their rows compare: a random
    part of each, by random numbers of its own, so that the rows of all points do not depend on `per_class`.
    """
    groups: dict[int | None, list[np.ndarray] | None] = {None: list(rows.values())}
    if pool.labels is None or num_classes < 2:
        return groups
    classes = {c: [at[pool.labels[at] == c] for at in rows.values()] for c in range(num_classes)}
    enough = [c for c, sides in classes.items() if min(map(len, sides)) >= least]
    size = [min((len(classes[c][i]) for c in enough), default=0) for i in range(len(rows))]
    rngs = [rng.spawn(1)[0] for rng in rngs]
    for c, sides in classes.items():
        if any(map(len, sides)):
            drawn = zip(rngs, sides, size, strict=True)
            cut = [np.sort(rng.permutation(at)[:most]) for rng, at, most in drawn]
            groups[c] = cut if c in enough else None
    return groups


def _class_distances(pool: Pool, rows: dict[str, np.ndarray], k: int) -> dict[str, np.ndarray]:
    if pool.labels is None:
        return {}
    moments = {
        name: class_moments(pool.points[at], pool.labels[at], k) for name, at in rows.items()
    }
    return {
        name: np.sqrt(class_squares(moments["real"], moments[name]))
        for name in rows
        if name != "real"
    }


def _chosen(metrics: Sequence[str] | None, labelled: bool) -> list[str]:
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


def _warnings(data: dict, used: dict[str, np.ndarray], with_targets: list[Dataset]) -> list[str]:
    parts = [
        f"{name}: {len(used[name]):,} of {len(x):,} points were used, drawn at random (max_points)."
        for name, (x, _) in data.items()
        if len(used[name]) < len(x)
    ]
    if with_targets:
        parts.append(
            "Regression targets take no part: these are distances of inputs alone. To see wrong targets, "
            "compare np.column_stack([x, y]), with inputs and targets scaled to matter alike."
        )
    return parts


def _described(maps: Any) -> str:
    """Words where the map has some, and what redoes it."""
    words = getattr(maps, "words", "")
    return f"{words}: {maps!r}" if words else repr(maps)


def _words(key: Key) -> Any:
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(key) if typed else key
