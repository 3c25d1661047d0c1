"""What a network is trained for and judged by: labels, targets, or label maps.

    labels   cross-entropy                        misclassified points
    targets  squared error, standardised          squared error in their units
    maps     cross-entropy of the pixels + soft   1 - Dice's coefficient, pixels of all points together,
             Dice loss of each image              mean over the classes but the background (class 0)

Dice's coefficient of a class is 2 TP / (2 TP + FP + FN) [dice1945]. The soft Dice loss of an image replaces counts
by probabilities [milletari2016, with sums in place of squares]; one is added above and below the bar, so that an
image without the class asks for none of it, and finds its minimum there.
"""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array


@runtime_checkable
class Objective(Protocol):
    """Losses of a batch, sums that errors are made of, and the error made of them.

    Attributes:
        size: How many numbers the error is made of (q).
    """

    size: int

    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        """Loss of each point; its mean is descended."""
        ...

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b q"]:
        """What each point adds to the numbers that the error is made of."""
        ...

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        """Error of so many points, from the sums over them."""
        ...


class _OfLabels:
    size = 1

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        wanted = optax.smooth_labels(jax.nn.one_hot(y, self.classes), smoothing)
        return optax.softmax_cross_entropy(out, wanted)

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b 1"]:
        return (jnp.argmax(out, axis=-1) != y).astype(jnp.float32)[:, None]

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        return totals[0] / number


class _OfTargets:
    size = 1

    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        return jnp.mean(jnp.square(out - y), axis=-1)

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b 1"]:
        return jnp.sum(jnp.square((out - y) * y_scale), axis=-1)[:, None]

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        return totals[0] / number


class _OfMaps:
    def __init__(self, classes: int, dice: float) -> None:
        self.classes, self.dice, self.size = classes, dice, 3 * (classes - 1)

    def losses(self, out: Array, y: Array, smoothing: float) -> Float[Array, " b"]:
        """Mean cross-entropy of the pixels, plus `dice` times the soft Dice loss of the image."""
        pixels = tuple(range(1, y.ndim))
        true = jax.nn.one_hot(y, self.classes)
        wanted = optax.smooth_labels(true, smoothing)
        loss = jnp.mean(optax.softmax_cross_entropy(out, wanted), axis=pixels)
        if self.dice == 0:
            return loss
        guess, true = jax.nn.softmax(out)[..., 1:], true[..., 1:]
        both = jnp.sum(guess * true, axis=pixels)
        either = jnp.sum(guess, axis=pixels) + jnp.sum(true, axis=pixels)
        soft = (2.0 * both + 1.0) / (either + 1.0)
        return loss + self.dice * (1.0 - jnp.mean(soft, axis=-1))

    def sums(self, out: Array, y: Array, y_scale: Array) -> Float[Array, "b q"]:
        """Pixels of each class but the background: in both, in the prediction, in the truth."""
        # Whole numbers of float32: exact up to 16.8 million pixels of a class, and to 1e-7 beyond.
        pixels = tuple(range(1, y.ndim))
        guess = jax.nn.one_hot(jnp.argmax(out, axis=-1), self.classes)[..., 1:]
        true = jax.nn.one_hot(y, self.classes)[..., 1:]
        parts = [jnp.sum(part, axis=pixels) for part in (guess * true, guess, true)]
        return jnp.concatenate(parts, axis=-1)

    def error(self, totals: Float[Array, " q"], number: int) -> Float[Array, ""]:
        """A class that is neither there nor predicted is predicted right."""
        both, guess, true = totals.reshape(3, self.classes - 1)
        either = guess + true
        dice = jnp.where(either > 0, 2.0 * both / jnp.maximum(either, 1.0), 1.0)
        return 1.0 - jnp.mean(dice)


def objective(classes: int | None, *, dense: bool, dice: float) -> Objective:
    """The one that fits the data: `classes` is None for targets, `dense` says that labels are maps."""
    if classes is None:
        return _OfTargets()
    return _OfMaps(classes, dice) if dense else _OfLabels(classes)


def masked(values: Shaped[Array, "b q"], inside: Shaped[Array, " b"]) -> Float[Array, " q"]:
    """Sums over the points that are meant."""
    return jnp.sum(jnp.where(inside[:, None], values, 0.0), axis=0)
