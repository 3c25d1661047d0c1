"""From what the caller gives to pools of points: checked, thinned, mapped to features, split into classes."""

import itertools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from synthmix_jax import _checks, _matching, kernels
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from . import _samples
from ._metrics import Pool


class Sample(NamedTuple):
    """Points of one sample, and their classes or None."""

    points: Any
    labels: np.ndarray | None


def check_classes(real: Any, generators: dict[str, Any]) -> None:
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


def check_scale(a: Array, b: Array, name: str) -> None:
    """uint8 images count as x / 255; floats that still run to 255 beside them would be nonsense."""
    for image, other in ((a, b), (b, a)):
        if image.dtype == np.uint8 and other.dtype != np.uint8 and np.max(other) > 2.0:
            raise ValueError(
                f"one of real and {name} is uint8 (read as x / 255, so 0..1) and the other is {other.dtype} with "
                f"values up to {np.max(other):g}. Divide that one by 255."
            )


def as_data(name: str, value: Any) -> Sample:
    """Inputs, and labels or None."""
    if isinstance(value, Dataset):
        _matching.refuse_maps(name, value)
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
    return Sample(x, labels)


def part(data: Sample, most: int, words: list[int]) -> Sample:
    """A random part of at most so many points."""
    at = np.sort(np.random.default_rng([*words, 2]).permutation(len(data.points))[:most])
    return Sample(np.asarray(data.points[at]), None if data.labels is None else data.labels[at])


def mapped(name: str, sample: Sample, maps: Any) -> Sample:
    points = np.asarray(maps(sample.points))
    if points.ndim != 2 or len(points) != len(sample.points):
        raise ValueError(
            f"features must map {sample.points.shape} of {name} to ({len(sample.points)}, d), got "
            f"{points.shape} from {described(maps)}."
        )
    return Sample(points, sample.labels)


def pool_of(mine: Sample, theirs: Sample, *, epsilon: float, key: Any) -> Pool:
    """Both samples stacked, measured from the centre of the real points."""
    names = ("real", "synthetic")
    one, two = (np.asarray(v) for v in _samples.paired(mine.points, theirs.points, names=names))
    points = np.concatenate([one, two]) - _samples.centre(one)
    labels = [v for v in (mine.labels, theirs.labels) if v is not None]
    labels = np.concatenate(labels) if len(labels) == 2 else None
    with _samples.precision(points):
        at = jnp.asarray(points)
        squared = kernels.squared_distances(at, at, centred=True)
    return Pool(points, squared, labels, len(one), epsilon, key)


def groups(
    pool: Pool, sides: tuple[np.ndarray, np.ndarray], num_classes: int, least: int, words: list[int]
) -> dict[int | None, tuple[np.ndarray, np.ndarray] | None]:
    """Rows of both samples, whole and by class; None for a class with too few points on some side.

    All classes take part with as many points as the smallest that has enough, so that their rows compare: a random
    part of each.
    """
    groups: dict[int | None, tuple[np.ndarray, np.ndarray] | None] = {None: sides}
    if pool.labels is None or num_classes < 2:
        return groups
    classes = {c: [at[pool.labels[at] == c] for at in sides] for c in range(num_classes)}
    enough = [c for c, at in classes.items() if min(map(len, at)) >= least]
    size = [min((len(classes[c][i]) for c in enough), default=0) for i in range(2)]
    for c, at in classes.items():
        if any(map(len, at)):
            rng = np.random.default_rng([*words, 3, c])
            real, synthetic = (
                v[np.sort(rng.permutation(len(v))[:m])] for v, m in zip(at, size, strict=True)
            )
            groups[c] = (real, synthetic) if c in enough else None
    return groups


def described(maps: Any) -> str:
    """Words where the map has some, and what redoes it."""
    words = getattr(maps, "words", "")
    return f"{words}: {maps!r}" if words else repr(maps)
