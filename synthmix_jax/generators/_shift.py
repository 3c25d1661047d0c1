"""Dials of mismatch: wrap a generator and move its samples away from the truth by a known amount."""

import math
from dataclasses import dataclass, field, fields

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped

from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _dials, _given, _modes
from ._sampling import Generator, balanced_labels
from ._seen import Seen

_PROBABILITIES = ("label_noise", "label_shift", "memorize")
_SHARES = ("imbalance", "drop_modes")
_SIZES = ("blur", "noise")
_CHANGES = ("translate", "contrast", "scale", "offset")
_OF_CLASSES = ("imbalance", "label_shift", "drop_modes")
_LEAVES = ("generator", "training")
_NESTED = 0x5E7


@dataclass(frozen=True, eq=False)
class Shifted:
    """A generator with its samples blurred, moved, rescaled, copied, left out or drawn for the wrong label.

    Every dial at zero is the wrapped generator, bit for bit. Applied in the order of the fields; wrap twice for
    another order. Around a generator for regression `imbalance`, `label_shift` and `drop_modes` are refused.

    Attributes:
        generator: The generator wrapped.
        imbalance: In [0, 1): frequencies of the classes fall geometrically from the first to the last, which has
            (1 - imbalance) times the first's. It turns `labels` alone; the wrapped generator is not asked for any.
        label_noise: Probability that the input is drawn for another class, uniformly chosen; in regression, for
            an independent target of the wrapped generator.
        label_shift: Probability that the input is drawn for the previous class: label y + 1 on an image of y.
        drop_modes: In [0, 1): share of the eight modes of each class that are never drawn, rounded up. Modes are
            the cells nearest to eight anchors, drawn by the wrapped generator; their samples are drawn anew.
        blur: Standard deviation of a Gaussian blur, in pixels (images only).
        translate: Shift down and to the right, in pixels, linearly interpolated (images only).
        contrast: Relative change of contrast about each sample's mean: x -> mean + (1 + contrast) (x - mean).
        scale: Relative change of scale: x -> (1 + scale) x.
        offset: Added to every feature.
        noise: Standard deviation of Gaussian noise added to every feature.
        memorize: Probability that the input is an exact copy of a training point with this label, uniformly chosen,
            whatever the other dials; in regression, of one whose target is nearest.
        training: The points that `memorize` copies; uint8 images count as x / 255.
        modes_seed: Seed of the anchors of `drop_modes`: another one drops other modes.
    """

    generator: Generator
    imbalance: float | int = 0.0
    label_noise: float | int = 0.0
    label_shift: float | int = 0.0
    drop_modes: float | int = 0.0
    blur: float | int = 0.0
    translate: float | int = 0.0
    contrast: float | int = 0.0
    scale: float | int = 0.0
    offset: float | int = 0.0
    noise: float | int = 0.0
    memorize: float | int = 0.0
    training: Dataset | None = field(default=None, repr=False)
    modes_seed: int = 0

    def __post_init__(self):
        """Check the dials."""
        for name in _PROBABILITIES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability in [0, 1], got {getattr(self, name)}.")
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}.")
        for name in _SIZES:
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be zero or more, got {getattr(self, name)}.")
        for name in _CHANGES:
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be a finite number, got {getattr(self, name)}.")
        for name in _OF_CLASSES:
            if self.num_classes is None and getattr(self, name):
                raise ValueError(
                    f"{name} is of classes and this generator draws targets; leave it at 0."
                )
        if self.memorize:
            _check_training(self.training, self.num_classes)

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for regression."""
        return self.generator.num_classes

    @property
    def seen(self) -> Seen | None:
        """The wrapped generator's record of the points it was fitted on, with those that `memorize` copies."""
        seen = getattr(self.generator, "seen", None)
        if not self.memorize or self.training is None:
            return seen
        return Seen.of(self.training) if seen is None else seen.with_points(self.training)

    def labels(self, count: int, *, key: Key) -> Array:
        """Labels (or targets) of a data set: those of the wrapped generator, or imbalanced ones.

        Args:
            count: Number of labels.
            key: PRNG key. Imbalanced labels are in a fixed order of which every prefix has the frequencies.

        Returns:
            Labels (count,), or targets (count,) or (count, k).

        Raises:
            ValueError: a count below one, or a generator for regression that draws no targets.
        """
        count = _given.whole("count", count, 1)
        if self.imbalance and self.num_classes is not None:
            return _dials.imbalanced_labels(count, self.num_classes, self.imbalance)
        inner = getattr(self.generator, "labels", None)
        if inner is not None:
            return inner(count, key=key)
        if self.num_classes is None:
            raise ValueError(
                f"{type(self.generator).__name__} has no classes and no method labels(count, *, key)."
            )
        return balanced_labels(count, self.num_classes)

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> Array:
        """Draw one input a label, then turn the dials.

        Args:
            labels: Classes the points will be labelled with (m,), or their targets (m,) or (m, k).
            key: PRNG key; the wrapped generator draws with this same key.

        Returns:
            Inputs (m, ...).

        Raises:
            ValueError: labels of no class (checked outside `jit`), blur or translate on samples that are no
                images, or training points of another shape.
        """
        if self.num_classes is not None:
            _given.labels(labels, self.num_classes)
            labels = jnp.asarray(labels, jnp.int32)  # bytes would wrap around
        labels = jnp.asarray(labels)
        # A wrap around a wrap draws for itself: with the same keys its noise would be that of the inner one.
        own = jax.random.fold_in(key, depth) if (depth := _depth(self.generator)) else key
        keys = jax.random.split(jax.random.fold_in(own, 1), 4)
        x = self._turned(self._drawn(labels, keys, key), keys[3])
        if self.memorize and self.training is not None:
            copies = jax.random.fold_in(own, 2)
            x = _dials.memorised(jnp.asarray(x), labels, self.training, self.memorize, copies)
        return x

    def _drawn(self, labels: jax.Array, keys: jax.Array, key: Key) -> Array:
        """Samples of the wrapped generator, for labels and of modes that the dials leave."""
        classes = self.num_classes
        if classes is None:
            if self.label_noise and len(labels):
                others = jnp.asarray(self.labels(len(labels), key=keys[0]))
                _given.targets(labels, others.shape[1:])
                labels = _dials.mixed_up(labels, others, keys[1], self.label_noise)
            return self.generator.sample(labels, key=key)
        labels = _dials.relabelled(labels, keys, self.label_noise, self.label_shift, classes)
        if not self.drop_modes:
            return self.generator.sample(labels, key=key)
        places = _modes.anchors(self.generator, classes, self.modes_seed)
        again = lambda key: self.generator.sample(labels, key=key)
        return _modes.without(again, labels, places, self.drop_modes, key=key)

    def _turned(self, x: Array, key: Key) -> Array:
        """Samples after the dials that change inputs."""
        if self.blur or self.translate:
            x = _dials.resampled(x, self.blur, self.translate)
        if self.contrast:
            axes = tuple(range(1, x.ndim))
            mean = jnp.mean(x, axis=axes, keepdims=True)
            x = mean + (1.0 + self.contrast) * (x - mean)
        if self.scale:
            x = (1.0 + self.scale) * x
        if self.offset:
            x = x + self.offset
        if self.noise:
            x = x + self.noise * jax.random.normal(key, x.shape, x.dtype)
        return x


def _depth(generator: Generator) -> int:
    """How many wraps lie inside; tagged, so that no wrap shares a key with another use of it."""
    depth = 0
    while isinstance(generator, Shifted):
        generator, depth = generator.generator, depth + 1
    return depth and _NESTED + depth


def _check_training(training: Dataset | None, classes: int | None) -> None:
    if training is None:
        raise ValueError("memorize copies training points: give them as training=, a Dataset.")
    if training.num_classes != classes or len(training) == 0:
        kind = lambda count: "regression targets" if count is None else f"{count} classes"
        raise ValueError(
            f"training has {len(training)} points and {kind(training.num_classes)}, and the generator draws "
            f"{kind(classes)}; give the data that the generator was fitted on."
        )
    if classes is None or _given.is_traced(training):
        return
    for label in np.flatnonzero(np.bincount(np.asarray(training.y), minlength=classes) == 0):
        raise ValueError(f"training has no points of class {label}, so there is none to copy.")


def _flatten(shifted: Shifted) -> tuple[tuple, tuple]:
    names = [f.name for f in fields(Shifted) if f.name not in _LEAVES]
    return tuple(getattr(shifted, name) for name in _LEAVES), tuple(
        (name, getattr(shifted, name)) for name in names
    )


def _unflatten(dials: tuple, leaves: tuple) -> Shifted:
    """Rebuild without checks: leaves may be tracers."""
    new = object.__new__(Shifted)
    for name, value in (*dials, *zip(_LEAVES, leaves, strict=True)):
        object.__setattr__(new, name, value)
    return new


jax.tree_util.register_pytree_node(Shifted, _flatten, _unflatten)
