"""Dials of mismatch: wrap a generator and move its samples away from the truth by a known amount."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key

from ._sampling import Generator


@dataclass(frozen=True, eq=False)
class Shifted:
    """A generator with its samples blurred, moved, rescaled or drawn for the wrong label.

    Every dial at zero is the wrapped generator, bit for bit. Applied in the order of the fields.

    Attributes:
        generator: The generator wrapped.
        label_noise: Probability that the input is drawn for another class, uniformly chosen.
        label_shift: Probability that the input is drawn for the previous class: label y + 1 on an image of y.
        blur: Standard deviation of a Gaussian blur, in pixels (images only).
        translate: Shift down and to the right, in pixels, linearly interpolated (images only).
        contrast: Relative change of contrast about each sample's mean: x -> mean + (1 + contrast) (x - mean).
        scale: Relative change of scale: x -> (1 + scale) x.
        offset: Added to every feature.
        noise: Standard deviation of Gaussian noise added to every feature.
    """

    generator: Generator
    label_noise: float | int = 0.0
    label_shift: float | int = 0.0
    blur: float | int = 0.0
    translate: float | int = 0.0
    contrast: float | int = 0.0
    scale: float | int = 0.0
    offset: float | int = 0.0
    noise: float | int = 0.0

    def __post_init__(self):
        """Check the dials."""
        for name in ("label_noise", "label_shift"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability in [0, 1], got {getattr(self, name)}.")
        for name in ("blur", "noise"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} must be zero or more, got {getattr(self, name)}.")

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.generator.num_classes

    def sample(self, labels: Int[Array, " m"], *, key: Key) -> Array:
        """Draw one input a label, then turn the dials.

        Args:
            labels: Classes the points will be labelled with (m,).
            key: PRNG key; the wrapped generator draws with this same key.

        Returns:
            Inputs (m, ...).

        Raises:
            ValueError: blur or translate on samples that are no images.
        """
        keys = jax.random.split(jax.random.fold_in(key, 1), 4)
        drawn = _relabel(
            jnp.asarray(labels), keys, self.label_noise, self.label_shift, self.num_classes
        )
        x = self.generator.sample(drawn, key=key)
        if self.blur or self.translate:
            x = _resample(x, self.blur, self.translate)
        if self.contrast:
            axes = tuple(range(1, x.ndim))
            mean = jnp.mean(x, axis=axes, keepdims=True)
            x = mean + (1.0 + self.contrast) * (x - mean)
        if self.scale:
            x = (1.0 + self.scale) * x
        if self.offset:
            x = x + self.offset
        if self.noise:
            x = x + self.noise * jax.random.normal(keys[3], x.shape, x.dtype)
        return x


def _relabel(labels, keys, noise: float, shift: float, classes: int) -> jax.Array:
    if noise:
        other = labels + jax.random.randint(keys[0], labels.shape, 1, max(classes, 2))
        flip = jax.random.bernoulli(keys[1], noise, labels.shape)
        labels = jnp.where(flip, other % classes, labels)
    if shift:
        move = jax.random.bernoulli(keys[2], shift, labels.shape)
        labels = jnp.where(move, (labels - 1) % classes, labels)
    return labels


def _resample(x: Array, blur: float, translate: float) -> jax.Array:
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
    return x


def _blur_matrix(size: int, sigma: float) -> Float[np.ndarray, "size size"]:
    """Gaussian weights between pixels, each row summing to one (what leaves the image is renormalised)."""
    if sigma == 0:
        return np.eye(size)
    index = np.arange(size)
    weights = np.exp(-0.5 * ((index[:, None] - index[None, :]) / sigma) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _shift_matrix(size: int, pixels: float) -> Float[np.ndarray, "size size"]:
    """Linear interpolation of x at position i - pixels; zero beyond the edge."""
    position = np.arange(size)[:, None] - pixels
    return np.maximum(0.0, 1.0 - np.abs(position - np.arange(size)[None, :]))
