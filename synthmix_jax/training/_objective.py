"""What a network is trained for and judged by: labels, targets, or label maps.

    labels   cross-entropy                        misclassified points
    targets  squared error, standardised          squared error in their units
    maps     cross-entropy of the pixels + soft   1 - Dice's coefficient, pixels of all points together,
             Dice loss of the batch               mean over the classes but the background (class 0)

Dice's coefficient of a class is 2 TP / (2 TP + FP + FN) [dice1945]. The soft Dice loss replaces counts by sums of
probabilities [milletari2016, with sums in place of squares], over the pixels of a whole batch as the error is over
those of all images: image by image, one without the class has a loss near 1 until the last trace of probability
has left it, and that would be most of what is descended.
"""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array


@runtime_checkable
class Objective(Protocol):
    """The loss of a batch, sums over points, and the mean loss and the error made of them.

    Attributes:
        size: How many numbers are summed (q).
    """

    size: int

    def batch(self, out: Array, y: Array, weight: Array, smoothing: float) -> Float[Array, ""]:
        """Loss of a batch whose points have weights (b,) of mean one: what is descended."""
        ...

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b q"]:
        """What each point adds to the numbers that loss and error are made of."""
        ...

    def loss(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        """Loss of so many points, from the sums over them."""
        ...

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        """Error of so many points, from the sums over them."""
        ...


class _OfPoints:
    """Losses and errors that are means over points."""

    size = 2

    def batch(self, out: Array, y: Array, weight: Array, smoothing: float) -> Float[Array, ""]:
        return jnp.mean(weight * self.losses(out, y, smoothing))

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b 2"]:
        return jnp.stack([self.losses(out, y, 0.0), self.errors(out, y, y_scale)], axis=-1)

    def loss(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        return totals[0] / number

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        return totals[1] / number

    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        raise NotImplementedError

    def errors(self, out: Array, y: Array, y_scale: Array) -> Float[Array, " b"]:
        raise NotImplementedError


class _OfLabels(_OfPoints):
    def __init__(self, classes: int) -> None:
        self.classes = classes

    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        wanted = optax.smooth_labels(jax.nn.one_hot(y, self.classes), smoothing)
        return optax.softmax_cross_entropy(out, wanted)

    def errors(self, out: Array, y: Array, y_scale: Array) -> Float[Array, " b"]:
        return (jnp.argmax(out, axis=-1) != y).astype(jnp.float32)


class _OfTargets(_OfPoints):
    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        return jnp.mean(jnp.square(out - y), axis=-1)

    def errors(self, out: Array, y: Array, y_scale: Array) -> Float[Array, " b"]:
        return jnp.sum(jnp.square((out - y) * y_scale), axis=-1)


class _OfMaps:
    """Sums: cross-entropy; then by class pixels in both maps and in either, of probabilities and of predictions."""

    def __init__(self, classes: int, dice: float) -> None:
        self.classes, self.dice, self.size = classes, dice, 1 + 4 * (classes - 1)

    def batch(self, out: Array, y: Array, weight: Array, smoothing: float) -> Float[Array, ""]:
        loss = jnp.mean(weight * self._cross_entropy(out, y, smoothing))
        if self.dice == 0:
            return loss
        both, either = (
            jnp.sum(weight[:, None] * part, axis=0)
            for part in self._overlap(jax.nn.softmax(out), y)
        )
        return loss + self.dice * (1.0 - _soft_dice(both, either))

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b q"]:
        # Whole numbers of float32: exact up to 16.8 million pixels of a class, and to 1e-7 beyond.
        predicted = jax.nn.one_hot(jnp.argmax(out, axis=-1), self.classes)
        loss = self._cross_entropy(out, y, 0.0)[:, None]
        soft, hard = self._overlap(jax.nn.softmax(out), y), self._overlap(predicted, y)
        return jnp.concatenate([loss, *soft, *hard], axis=-1)

    def loss(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        both, either = self._parts(totals)[:2]
        return totals[0] / number + self.dice * (1.0 - _soft_dice(both, either))

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        """A class that is neither there nor predicted is predicted right."""
        both, either = self._parts(totals)[2:]
        return 1.0 - jnp.mean(jnp.where(either > 0, 2.0 * both / jnp.maximum(either, 1.0), 1.0))

    def _parts(self, totals: Float[Array, " q"]) -> Float[Array, "4 k"]:
        return totals[1:].reshape(4, self.classes - 1)

    def _cross_entropy(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        wanted = optax.smooth_labels(jax.nn.one_hot(y, self.classes), smoothing)
        return jnp.mean(optax.softmax_cross_entropy(out, wanted), axis=tuple(range(1, y.ndim)))

    def _overlap(self, guess: Array, y: Array) -> list[Float[Array, "b k"]]:
        """Of each image and class but the background: pixels in both maps, and in one plus in the other."""
        pixels = tuple(range(1, y.ndim))
        guess, true = guess[..., 1:], jax.nn.one_hot(y, self.classes)[..., 1:]
        return [jnp.sum(part, axis=pixels) for part in (guess * true, guess + true)]


def _soft_dice(both: Float[Array, " k"], either: Float[Array, " k"]) -> Float[Array, ""]:
    """Mean over classes; one is added above and below the bar: a batch without a class asks for none of it."""
    return jnp.mean((2.0 * both + 1.0) / (either + 1.0))


def objective(classes: int | None, *, dense: bool, dice: float) -> Objective:
    """The one that fits the data: `classes` is None for targets, `dense` says that labels are maps."""
    if classes is None:
        return _OfTargets()
    return _OfMaps(classes, dice) if dense else _OfLabels(classes)


def masked(values: Shaped[Array, "b q"], inside: Shaped[Array, " b"]) -> Float[Array, " q"]:
    """Sums over the points that are meant."""
    return jnp.sum(jnp.where(inside[:, None], values, 0.0), axis=0)
