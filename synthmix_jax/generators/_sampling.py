"""From a fitted generator to a data set, and from a recipe to one generator per fold."""

import zlib
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Shaped

from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

_LABELS = 0x1AB  # labels are drawn apart from the inputs, which use the key as it is


@runtime_checkable
class Generator(Protocol):
    """What a generator must offer: classes, and inputs drawn for given labels.

    A generator may also have `labels(count, *, key)`, the labels of a data set of `count` points; without it,
    classes are balanced. One for regression must: `num_classes` is None, and labels are the targets (m,) or (m, k).
    """

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for regression."""
        ...

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> Array:
        """Draw one input a label (or target): (m, ...)."""
        ...


def balanced_labels(count: int, num_classes: int) -> np.ndarray:
    """Labels 0, 1, ..., k - 1, 0, 1, ... (count,): every prefix is balanced within one."""
    if count < 1 or num_classes < 1:
        raise ValueError(f"count and num_classes must be positive, got {count} and {num_classes}.")
    return np.arange(count) % num_classes


def draw(generator: Generator, count: int, *, key: Key) -> Dataset:
    """A synthetic data set of `count` points: class-balanced, or with the labels that the generator draws.

    Args:
        generator: A fitted generator.
        count: Number of points, positive.
        key: PRNG key.

    Raises:
        ValueError: a count below one.
    """
    labels = _labels(generator, count, key)
    x = np.asarray(generator.sample(labels, key=key))
    return Dataset(x, labels, num_classes=generator.num_classes)


def _labels(generator: Generator, count: int, key: Key) -> np.ndarray:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"count must be a whole number of at least 1, got {count!r}.")
    draw_labels = getattr(generator, "labels", None)
    if draw_labels is not None:
        return np.asarray(draw_labels(count, key=jax.random.fold_in(key, _LABELS)))
    if generator.num_classes is None:
        raise ValueError(
            f"{type(generator).__name__} has no classes and no method labels(count, *, key) that draws targets."
        )
    return balanced_labels(count, generator.num_classes)


def refit(
    fit: Callable[[Dataset], Generator], count: int, *, key: Key
) -> Callable[[Dataset], Dataset]:
    """A recipe for `recommend(real, recipe, fitted_on="real")`: fit on a fold, then draw.

    Args:
        fit: Data -> fitted generator, such as `lambda data: ClassGaussian.fit(data, rank=5)`.
        count: Number of synthetic points drawn from each fitted generator.
        key: PRNG key; every fold draws with its own, derived from this one and a checksum of the fold.

    Returns:
        A callable: real points the generator may see -> synthetic data set.
    """

    def recipe(fold: Dataset) -> Dataset:
        # The same recipe on other points must draw other noise, and on the same points the same.
        stamp = zlib.crc32(np.asarray(fold.y).tobytes(), zlib.crc32(np.asarray(fold.x).tobytes()))
        return draw(fit(fold), count, key=jax.random.fold_in(key, stamp))

    return recipe
