"""One Gaussian a class, on the leading principal components of that class.

For class c with mean mu_c and the singular value decomposition of its centred data, x = mu_c + sum_j s_cj z_j v_cj
with z ~ N(0, I_r): the sample covariance (of divisor n - 1) cut to its r leading eigenvectors [classical].
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float, Int

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

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
    """

    means: Float[Array, "classes d"] = field(repr=False)
    directions: Float[Array, "classes rank d"] = field(repr=False)
    scales: Float[Array, "classes rank"] = field(repr=False)
    shape: tuple[int, ...]
    seen: Seen

    @property
    def fitted_on(self) -> int:
        """Number of points it was fitted on."""
        return len(self.seen)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.means.shape[0]

    @classmethod
    def fit(cls, data: Dataset, *, rank: int) -> "ClassGaussian":
        """Fit by a singular value decomposition per class, on the host in float64.

        Args:
            data: Labelled points; uint8 images count as x / 255.
            rank: Number of directions a class varies in, at least 0; classes with too few points have
                fewer.

        Raises:
            ValueError: regression data, a class without points, or a negative rank.
        """
        if data.num_classes is None:
            raise ValueError("ClassGaussian needs class labels; data.y holds regression targets.")
        if rank < 0:
            raise ValueError(f"rank must be zero or more, got {rank}.")
        x = np.asarray(_numerics.as_rows(np.asarray(data.x)))
        labels = np.asarray(data.y)
        rank = min(rank, x.shape[1])
        means = np.zeros((data.num_classes, x.shape[1]))
        directions = np.zeros((data.num_classes, rank, x.shape[1]))
        scales = np.zeros((data.num_classes, rank))
        for label in range(data.num_classes):
            rows = x[labels == label]
            if len(rows) == 0:
                raise ValueError(
                    f"class {label} has no points to fit; leave it out or give at least one."
                )
            means[label] = rows.mean(axis=0)
            _, singular, right = np.linalg.svd(rows - means[label], full_matrices=False)
            kept = min(rank, len(rows) - 1, len(singular))
            directions[label, :kept] = right[:kept]
            # n - 1: the unbiased variance along each direction.
            scales[label, :kept] = singular[:kept] / np.sqrt(max(len(rows) - 1, 1))
        as_float = [jnp.asarray(a, jnp.float32) for a in (means, directions, scales)]
        return cls(*as_float, shape=tuple(data.x.shape[1:]), seen=Seen.of(data))

    def sample(self, labels: Int[Array, " m"], *, key: Key) -> jax.Array:
        """Draw one input a label.

        Args:
            labels: Classes to draw from (m,).
            key: PRNG key.

        Returns:
            Inputs (m, ...) in float32, on the scale of the data fitted on (0..1 for uint8 images).

        Raises:
            ValueError: a label of no class (checked outside `jit`).
        """
        if not isinstance(labels, Tracer):
            _check_labels(np.asarray(labels), self.num_classes)
        labels = jnp.asarray(labels)
        z = jax.random.normal(key, (labels.shape[0], self.scales.shape[1]), jnp.float32)
        z = z * self.scales[labels]
        # One product per class, masked, rather than a gathered (m, rank, d) array.
        x = self.means[labels]
        for label in range(self.num_classes):
            mine = (labels == label)[:, None]
            step = jnp.matmul(
                jnp.where(mine, z, 0.0), self.directions[label], precision=_numerics.HIGHEST
            )
            x = x + step
        return x.reshape(labels.shape[0], *self.shape)


def _check_labels(labels: np.ndarray, classes: int) -> None:
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels must lie in 0..{classes - 1}, got {labels.min()} to {labels.max()}."
        )


jax.tree_util.register_dataclass(
    ClassGaussian,
    data_fields=["means", "directions", "scales"],
    meta_fields=["shape", "seen"],
)
