"""What the dials of `Shifted` do to labels and to samples, each a function of its own."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _given


def imbalanced_labels(
    count: int, classes: int, imbalance: float | int
) -> Int[np.ndarray, " count"]:
    """Labels whose frequencies fall geometrically to (1 - imbalance) times the first class's.

    Point j of class c comes at time (j + 1/2) / p_c, the order of seats of Sainte-Laguë. By time t a class has
    p_c t points within 1/2, so that in every prefix it is within (1 + k p_c) / 2 points of its share; with no
    imbalance the order is 0, 1, ..., k - 1, 0, 1, ...
    """
    powers = np.arange(classes) / max(classes - 1, 1)
    frequencies = (1.0 - imbalance) ** powers
    frequencies /= frequencies.sum()
    # By time count + k each class has had more than its share of `count` points.
    sizes = np.ceil((count + classes) * frequencies).astype(int) + 1
    labels = np.repeat(np.arange(classes), sizes)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return labels[np.argsort((place + 0.5) / frequencies[labels], kind="stable")[:count]]


def relabelled(
    labels: jax.Array, keys: jax.Array, noise: float | int, shift: float | int, classes: int
) -> jax.Array:
    """Labels of the classes drawn from: other ones with probability `noise`, then the previous with `shift`."""
    if noise:
        other = labels + jax.random.randint(keys[0], labels.shape, 1, max(classes, 2))
        flip = jax.random.bernoulli(keys[1], float(noise), labels.shape)
        labels = jnp.where(flip, other % classes, labels)
    if shift:
        move = jax.random.bernoulli(keys[2], float(shift), labels.shape)
        labels = jnp.where(move, (labels - 1) % classes, labels)
    return labels


def mixed_up(targets: jax.Array, others: jax.Array, key: Key, noise: float | int) -> jax.Array:
    """Targets that inputs are drawn for: those of `others` with probability `noise`."""
    flip = jax.random.bernoulli(key, float(noise), targets.shape[:1])
    return jnp.where(flip.reshape(-1, *[1] * (targets.ndim - 1)), others, targets)


def memorised(
    x: jax.Array, labels: jax.Array, training: Dataset, probability: float | int, key: Key
) -> jax.Array:
    """Samples, of which some are copies of training points of their label (or of the nearest target)."""
    given = training.x
    if not _given.is_traced(given):  # on the host: the same float32 as everywhere, to the bit
        given = _numerics.as_float(np.asarray(given)).astype(np.float32)
    rows = jnp.asarray(_numerics.as_float(given), x.dtype)
    if rows.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"training holds inputs of shape {rows.shape[1:]} and the generator draws {x.shape[1:]}; give the data "
            "that the generator was fitted on."
        )
    pick, which = jax.random.split(key)
    row = _row(labels, training, pick)
    copied = jax.random.bernoulli(which, float(probability), labels.shape[:1])
    return jnp.where(copied.reshape(-1, *[1] * (x.ndim - 1)), rows[row], x)


def _row(labels: jax.Array, training: Dataset, key: Key) -> jax.Array:
    """A training point for each label or target."""
    y = jnp.asarray(training.y)
    if training.num_classes is None:
        return _of_nearest_target(labels, y, key)
    return _of_label(labels, y, training.num_classes, key)


def _of_label(labels: jax.Array, y: jax.Array, classes: int, key: Key) -> jax.Array:
    """A row of each label, uniformly."""
    sizes = jnp.bincount(y, length=classes)
    starts = jnp.cumsum(sizes) - sizes
    place = jax.random.randint(key, labels.shape, 0, sizes[labels])
    return jnp.argsort(y, stable=True)[starts[labels] + place]


@jax.jit
def _of_nearest_target(targets: jax.Array, y: jax.Array, key: Key) -> jax.Array:
    """A row of the nearest target, uniformly among equals."""

    def one(target, key):
        distance = jnp.sum((y - target).reshape(len(y), -1) ** 2, axis=1)
        return jax.random.categorical(key, jnp.where(distance == distance.min(), 0.0, -jnp.inf))

    return jax.lax.map(
        lambda given: one(*given), (targets, jax.random.split(key, len(targets))), batch_size=256
    )


def resampled(x: Array, blur: float | int, translate: float | int) -> jax.Array:
    """Blur and move along both image axes: one small matrix an axis."""
    if x.ndim not in (3, 4):
        raise ValueError(
            f"blur and translate need images (m, height, width[, channels]), got shape {x.shape}."
        )
    for axis in (1, 2):
        matrix = _shift_matrix(x.shape[axis], translate) @ _blur_matrix(x.shape[axis], blur)
        moved = jnp.tensordot(
            x, jnp.asarray(matrix, x.dtype), ((axis,), (1,)), precision=_numerics.HIGHEST
        )
        x = jnp.moveaxis(moved, -1, axis)
    return jnp.asarray(x)


def _blur_matrix(size: int, sigma: float | int) -> Float[np.ndarray, "size size"]:
    """Gaussian weights between pixels, each row summing to one (what leaves the image is renormalised)."""
    if sigma == 0:
        return np.eye(size)
    index = np.arange(size)
    weights = np.exp(-0.5 * ((index[:, None] - index[None, :]) / sigma) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _shift_matrix(size: int, pixels: float | int) -> Float[np.ndarray, "size size"]:
    """Linear interpolation of x at position i - pixels; zero beyond the edge."""
    position = np.arange(size)[:, None] - pixels
    return np.maximum(0.0, 1.0 - np.abs(position - np.arange(size)[None, :]))
