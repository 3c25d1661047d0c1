"""SMOTE: points between a point and one of its nearest neighbours.

x = x_i + t (x_j - x_i), with i uniform, j uniform among the k nearest neighbours of i, and t ~ U(0, 1) [chawla2002]

For classes, i is uniform in the class and its neighbours are of that class. For regression, neighbours are those of
the inputs and the target goes the same way, y = y_i + t (y_j - y_i). Inputs for a given target are drawn from the
conditional law, so that targets and inputs drawn one after the other have exactly the joint law above. Given the
pair, y is uniform between y_i and y_j, hence

    p(i, j | y) proportional to 1 / |y_j - y_i| over pairs with y between y_i and y_j,   t = (y - y_i) / (y_j - y_i)

Pairs of equal targets have all their mass at one y. There they outweigh all others: the pair is uniform among them,
and t is again uniform.

References:
    Chawla et al. (2002), SMOTE: synthetic minority over-sampling technique. [chawla2002]
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from synthmix_jax import _matching, _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _given
from ._neighbours import nearest
from ._seen import Seen

_BLOCK_NUMBERS = 2**22


@dataclass(frozen=True, eq=False)
class SMOTE:
    """Points on the lines between neighbours of the training data, for classes or for a scalar target.

    It keeps the training points, in memory and in files, and its samples lie close to them: it memorises by
    construction. Judge it with `fitted_on="real"`, and do not hand it on where the data may not be.

    Attributes:
        points: The training points (n, d), class after class.
        neighbours: Row numbers of the nearest neighbours of each (n, neighbours), the nearest first.
        targets: Their targets (n,); empty for classes.
        starts: First row of each class (classes,); empty for regression.
        sizes: Number of points of each class (classes,); empty for regression.
        shape: Shape of one sample.
        seen: Record of the points it was fitted on.
    """

    points: Float[jax.Array, "n d"] = field(repr=False)
    neighbours: Int[jax.Array, "n neighbours"] = field(repr=False)
    targets: Float[jax.Array, " n_or_none"] = field(repr=False)
    starts: Int[jax.Array, " classes"] = field(repr=False)
    sizes: Int[jax.Array, " classes"] = field(repr=False)
    shape: tuple[int, ...]
    seen: Seen

    @property
    def num_classes(self) -> int | None:
        """Number of classes; None for regression."""
        return self.sizes.shape[0] or None

    @classmethod
    def fit(cls, data: Dataset, *, neighbours: int = 5) -> "SMOTE":
        """Find the nearest neighbours of every point: exact, in blocks on the host.

        Args:
            data: Points with labels or with targets (n,); uint8 images count as x / 255.
            neighbours: Number of nearest neighbours a partner is chosen from, at least 1. A class of n_c points
                has n_c - 1 at most.

        Raises:
            ValueError: a class (or regression data) of fewer than two points, targets (n, k) of k > 1, or fewer
                than one neighbour.
        """
        neighbours = _given.whole("neighbours", neighbours, 1)
        x = np.asarray(_numerics.as_rows(np.asarray(data.x)))
        y = np.asarray(data.y)
        _matching.refuse_maps("data", data)
        if data.num_classes is None:
            fields = _regression(x, y, neighbours)
        else:
            fields = _classes(x, y, data.num_classes, neighbours)
        return cls(**fields, shape=tuple(data.x.shape[1:]), seen=Seen.of(data))

    def labels(self, count: int, *, key: Key) -> np.ndarray | jax.Array:
        """Labels of a data set: class-balanced, or targets between those of neighbours.

        Args:
            count: Number of labels.
            key: PRNG key.

        Returns:
            Labels (count,), or targets (count,) in float32.

        Raises:
            ValueError: a count below one.
        """
        count = _given.whole("count", count, 1)
        if self.num_classes is not None:
            return np.arange(count) % self.num_classes
        pick, along = jax.random.split(key)
        pair = jax.random.randint(pick, (count,), 0, self.neighbours.size)
        first, second = _ends(self.neighbours, pair)
        t = jax.random.uniform(along, (count,), jnp.float32)
        ends = self.targets[first], self.targets[second]
        # Clipped: rounding may end one step beyond the neighbour.
        return jnp.clip(_between(*ends, t), jnp.minimum(*ends), jnp.maximum(*ends))

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> jax.Array:
        """Draw one input a label.

        Args:
            labels: Classes to draw from (m,); or targets (m,), each between the targets of two neighbours.
                With targets the cost is m times the number of points times their neighbours.
            key: PRNG key.

        Returns:
            Inputs (m, ...) in float32, on the scale of the data fitted on (0..1 for uint8 images). Under `jit`,
            where targets cannot be looked at, the input for a target that no neighbours enclose is NaN.

        Raises:
            ValueError: labels of no class, or targets that no two neighbours enclose (outside `jit`).
        """
        regression = self.num_classes is None
        x = (self._sample_targets if regression else self._sample_classes)(labels, key)
        return x.reshape(labels.shape[0], *self.shape)

    def _sample_classes(self, labels: Array, key: Key) -> jax.Array:
        _given.labels(labels, self.sizes.shape[0])
        fields = self.points, self.neighbours, self.starts, self.sizes
        return _in_classes(*fields, jnp.asarray(labels), key)

    def _sample_targets(self, labels: Array, key: Key) -> jax.Array:
        _given.targets(labels, ())
        y = jnp.asarray(labels, jnp.float32)
        x, possible = _given_targets(self.points, self.neighbours, self.targets, y, key)
        if not _given.is_traced(possible) and not possible.all():
            low, high = float(self.targets.min()), float(self.targets.max())
            raise ValueError(
                f"labels holds the target {y[~possible][0]:g}, which lies between the targets of no two neighbours "
                f"(all targets: {low:g} to {high:g}); draw targets with labels(count, key=key), or fit with "
                "more neighbours."
            )
        return x


def _classes(x: np.ndarray, y: np.ndarray, classes: int, neighbours: int) -> dict:
    order = np.argsort(y, kind="stable")
    sizes = np.bincount(y, minlength=classes)
    starts = np.cumsum(sizes) - sizes
    for label in np.flatnonzero(sizes < 2):
        raise ValueError(
            f"class {label} has {sizes[label]} points, and SMOTE draws between two; leave the class out or "
            "use ClassGaussian with shrinkage."
        )
    width = min(neighbours, int(sizes.max()) - 1)
    table = np.zeros((len(x), width), np.int32)  # beyond a class's own neighbours: never read
    for start, size in zip(starts, sizes, strict=True):
        known = min(width, int(size) - 1)
        rows = slice(start, start + size)
        table[rows, :known] = start + nearest(x[order[rows]], known)
    return {
        "points": jnp.asarray(x[order], jnp.float32),
        "neighbours": jnp.asarray(table),
        "targets": jnp.zeros(0, jnp.float32),
        "starts": jnp.asarray(starts, jnp.int32),
        "sizes": jnp.asarray(sizes, jnp.int32),
    }


def _regression(x: np.ndarray, y: np.ndarray, neighbours: int) -> dict:
    if y.size != len(y):
        raise ValueError(
            f"SMOTE needs targets (n,) for regression, got shape {y.shape}: points between neighbours cannot "
            "be found for several targets at once. Use JointGaussian."
        )
    if y.ndim != 1:
        raise ValueError(f"SMOTE needs targets (n,), got shape {y.shape}; give y[:, 0].")
    if len(x) < 2:
        raise ValueError(f"SMOTE draws between two points, got {len(x)}.")
    table = nearest(x, min(neighbours, len(x) - 1))
    return {
        "points": jnp.asarray(x, jnp.float32),
        "neighbours": jnp.asarray(table, jnp.int32),
        "targets": jnp.asarray(y, jnp.float32),
        "starts": jnp.zeros(0, jnp.int32),
        "sizes": jnp.zeros(0, jnp.int32),
    }


@jax.jit
def _in_classes(points, neighbours, starts, sizes, labels, key) -> jax.Array:
    """Points (m, d) between a point of the class and one of its neighbours."""
    keys = jax.random.split(key, 3)
    size = sizes[labels]
    first = starts[labels] + jax.random.randint(keys[0], labels.shape, 0, size)
    known = jnp.minimum(size - 1, neighbours.shape[1])
    second = neighbours[first, jax.random.randint(keys[1], labels.shape, 0, known)]
    t = jax.random.uniform(keys[2], (*labels.shape, 1), jnp.float32)
    return _between(points[first], points[second], t)


@jax.jit
def _given_targets(points, neighbours, targets, y, key) -> tuple[jax.Array, jax.Array]:
    """Points (m, d) drawn given their targets, and whether any pair encloses each; NaN where none does."""
    pick, along = jax.random.split(key)
    first, second = _ends(neighbours, jnp.arange(neighbours.size))
    pair, possible = _pairs_given(y, targets[first], targets[second], pick)
    first, second = first[pair], second[pair]
    tied = targets[first] == targets[second]
    t = (y - targets[first]) / jnp.where(tied, 1.0, targets[second] - targets[first])
    t = jnp.where(tied, jax.random.uniform(along, y.shape, jnp.float32), t)
    x = _between(points[first], points[second], t[:, None])
    return jnp.where(possible[:, None], x, jnp.nan), possible


def _pairs_given(
    y: Float[Array, " m"], first: Float[Array, " p"], second: Float[Array, " p"], key: Key
) -> tuple[jax.Array, jax.Array]:
    """A pair for each target, drawn from p(pair | y), and whether there is one."""
    low, high = jnp.minimum(first, second), jnp.maximum(first, second)
    tied = low == high
    weight = -jnp.log(jnp.where(tied, 1.0, high - low))

    def one(y, key):
        around = (low <= y) & (y <= high)
        usable = around & (tied | ~(around & tied).any())
        pair = jax.random.categorical(key, jnp.where(usable, weight, -jnp.inf))
        return pair, around.any()

    # Blocks of targets: all of them at once would take m p numbers.
    block = max(1, min(len(y), _BLOCK_NUMBERS // len(low)))
    keys = jax.random.split(key, len(y))
    return jax.lax.map(lambda given: one(*given), (y, keys), batch_size=block)


def _ends(neighbours: jax.Array, pair: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rows i and j of pairs, which are numbered along the table of neighbours."""
    row, place = jnp.divmod(pair, neighbours.shape[1])
    return row, neighbours[row, place]


def _between(first: jax.Array, second: jax.Array, t: jax.Array) -> jax.Array:
    return first + t * (second - first)


jax.tree_util.register_dataclass(
    SMOTE,
    data_fields=["points", "neighbours", "targets", "starts", "sizes"],
    meta_fields=["shape", "seen"],
)
