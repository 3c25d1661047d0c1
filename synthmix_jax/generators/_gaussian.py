"""One Gaussian a class, on the leading principal components of that class.

For class c with mean mu_c and sample covariance S_c (divisor n_c - 1), x ~ N(mu_c, C_c) with

    C_c = ((1 - s) S_c + s T) cut to its leading eigenvectors,   T = sum_c (n_c - 1) S_c / (n - classes)

T is the covariance pooled over classes [classical]. It is shrunk first and cut then, so that a class of few points
is given directions that others vary in, and even a class of one point varies. A multiple of the identity, the more
common target, would be of no use here: it adds the same variance to all directions, and the cut drops most of them.

The shrinkage "auto" minimises E |(1 - s) S + s T - C|^2 over s for a fixed T: s = E |S - C|^2 / E |S - T|^2
[ledoit2004]. Differences from there: 1. the target is T; 2. the numerator is that of a Gaussian of covariance S,
(tr S^2 + (tr S)^2) / (n_c - 1), in place of fourth moments, which are all alike in a class of two points and say
there that nothing need be shrunk; 3. that T depends on the class's own points is left out.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _matching, _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _given
from ._joint import JointGaussian
from ._principal import class_rows, placed, principal
from ._seen import Seen


@dataclass(frozen=True, eq=False)
class ClassGaussian:
    """Class-conditional Gaussian with a covariance of low rank.

    Attributes:
        means: Class means (classes, d).
        directions: Principal directions of each class (classes, rank, d), orthonormal.
        scales: Standard deviations along them (classes, rank); zero where a class has fewer points.
        shape: Shape of one sample.
        seen: Record of the points it was fitted on.
        shrinkage: How far each class's covariance was moved toward the pooled one, in [0, 1].
    """

    means: Float[Array, "classes d"] = field(repr=False)
    directions: Float[Array, "classes rank d"] = field(repr=False)
    scales: Float[Array, "classes rank"] = field(repr=False)
    shape: tuple[int, ...]
    seen: Seen
    shrinkage: tuple[float, ...]

    @property
    def fitted_on(self) -> int:
        """Number of points it was fitted on."""
        return len(self.seen)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.means.shape[0]

    @classmethod
    def fit(
        cls, data: Dataset, *, rank: int, shrinkage: float | int | str = 0.0
    ) -> "ClassGaussian | JointGaussian":
        """Fit by a singular value decomposition per class, on the host in float64.

        Args:
            data: Labelled points; uint8 images count as x / 255. A class of one point does not vary, unless
                shrinkage lets it vary as the other classes do. With regression targets the result is
                `JointGaussian.fit(data, rank=rank)`.
            rank: Number of directions a class varies in, at least 0; classes with too few points have
                fewer.
            shrinkage: s in [0, 1]: each class has the covariance (1 - s) times its own plus s times that
                pooled over classes, cut to `rank`. At 1 all classes share one covariance. "auto" estimates the
                s of least squared error for each class: near 1 where points are few, near 0 where they are many.

        Raises:
            ValueError: a class without points, a negative rank, a shrinkage outside [0, 1], or one other than
                zero where no class has two points or for regression.
        """
        rank = _given.whole("rank", rank, 0)
        _check_shrinkage(shrinkage)
        _matching.refuse_maps("data", data)
        if data.num_classes is None:
            if shrinkage != 0:
                raise ValueError(
                    f"shrinkage is toward other classes and regression has none, got {shrinkage!r}; leave it at 0."
                )
            return JointGaussian.fit(data, rank=rank)
        x = np.asarray(_numerics.as_rows(np.asarray(data.x)))
        rows = class_rows(x, np.asarray(data.y), data.num_classes)
        means = np.stack([own.mean(axis=0) for own in rows])
        centred = [own - mean for own, mean in zip(rows, means, strict=True)]
        rank = min(rank, x.shape[1])
        if shrinkage == 0:
            used = [0.0] * len(rows)
            fitted = [principal(own, rank) for own in centred]
        else:
            pooled = _pooled(centred)
            used = [
                _intensity(own, pooled) if shrinkage == "auto" else float(shrinkage)
                for own in centred
            ]
            fitted = [_shrunk(own, pooled, s, rank) for own, s in zip(centred, used, strict=True)]
        directions, scales = (np.stack(parts) for parts in zip(*fitted, strict=True))
        as_float = [jnp.asarray(a, jnp.float32) for a in (means, directions, scales)]
        return cls(
            *as_float, shape=tuple(data.x.shape[1:]), seen=Seen.of(data), shrinkage=tuple(used)
        )

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> jax.Array:
        """Draw one input a label.

        Args:
            labels: Classes to draw from (m,), whole numbers.
            key: PRNG key.

        Returns:
            Inputs (m, ...) in float32, on the scale of the data fitted on (0..1 for uint8 images).

        Raises:
            ValueError: labels that are no whole numbers, or of no class (checked outside `jit`).
        """
        _given.labels(labels, self.num_classes)
        labels = jnp.asarray(labels)
        z = jax.random.normal(key, (labels.shape[0], self.scales.shape[1]), jnp.float32)
        x = placed(z * self.scales[labels], labels, self.means, self.directions)
        return x.reshape(labels.shape[0], *self.shape)


def _check_shrinkage(shrinkage: object) -> None:
    if shrinkage == "auto":
        return
    if isinstance(shrinkage, str) or not 0.0 <= shrinkage <= 1.0:  # type: ignore[operator]
        raise ValueError(f'shrinkage must lie in [0, 1] or be "auto", got {shrinkage!r}.')


def _pooled(centred: list[np.ndarray]) -> Float[np.ndarray, "r d"]:
    """B with T = B^T B, of at most d rows."""
    rows = np.concatenate(centred)
    freedom = len(rows) - len(centred)
    if freedom == 0:
        raise ValueError(
            "shrinkage is toward the covariance within classes, and no class has two points; "
            "give more points or leave it at 0 (samples are then the points themselves)."
        )
    return _few_rows(rows / np.sqrt(freedom))


def _shrunk(
    centred: np.ndarray, pooled: np.ndarray, s: float, rank: int
) -> tuple[np.ndarray, np.ndarray]:
    """Leading directions and deviations of (1 - s) S + s T: those of the two factors, one above the other."""
    own = centred / np.sqrt(max(len(centred) - 1, 1))
    factor = np.concatenate([np.sqrt(1.0 - s) * own, np.sqrt(s) * pooled])
    directions, scales = np.zeros((rank, factor.shape[1])), np.zeros(rank)
    _, singular, right = np.linalg.svd(factor, full_matrices=False)
    kept = min(rank, int((singular > 1e-12 * singular.max(initial=0.0)).sum()))
    directions[:kept], scales[:kept] = right[:kept], singular[:kept]
    return directions, scales


def _intensity(centred: np.ndarray, target: np.ndarray) -> float:
    """The estimated best s of one class; `target` is a factor B of T = B^T B."""
    freedom = len(centred) - 1
    if freedom == 0:
        return 1.0
    # Traces of products from factors: |A^T A|^2 = |A A^T|^2, and no d x d matrix where there are fewer points.
    own = _few_rows(centred / np.sqrt(freedom))
    square = np.sum((own @ own.T) ** 2)
    error = (square + np.sum(own**2) ** 2) / freedom
    distance = square - 2.0 * np.sum((own @ target.T) ** 2) + np.sum((target @ target.T) ** 2)
    return 1.0 if error >= distance else float(error / distance)


def _few_rows(factor: np.ndarray) -> np.ndarray:
    """The same A^T A from at most d rows."""
    if len(factor) <= factor.shape[1]:
        return factor
    return np.asarray(np.linalg.qr(factor, mode="r"))


jax.tree_util.register_dataclass(
    ClassGaussian,
    data_fields=["means", "directions", "scales"],
    meta_fields=["shape", "seen", "shrinkage"],
)
