"""One Gaussian of inputs and targets, for regression.

With the sample covariances of x and y (divisor n - 1) and B = C_xy C_yy^-1,

    y ~ N(mu_y, C_yy)
    x | y ~ N(mu_x + B (y - mu_y), R),    R = C_xx - B C_yy B^T cut to its leading eigenvectors

so that the covariances of y, and of x with y, are those of the data whatever the rank, which only limits how x
varies beside y [classical]. Principal components of x and y together would depend on the unit of y, and those of x
alone may drop the very directions that the targets follow.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _given
from ._principal import principal
from ._seen import Seen


@dataclass(frozen=True, eq=False)
class JointGaussian:
    """Joint Gaussian of inputs and regression targets; inputs are drawn given targets.

    Attributes:
        mean: Mean of the inputs (d,).
        slopes: Change of the mean input with each target (k, d).
        directions: Principal directions of what is left of the inputs (rank, d), orthonormal.
        scales: Standard deviations along them (rank,).
        target_mean: Mean of the targets (k,).
        target_factor: F with F^T F the covariance of the targets (r, k).
        shape: Shape of one input.
        target_shape: Shape of one target: () or (k,).
        seen: Record of the points it was fitted on.
    """

    mean: Float[jax.Array, " d"] = field(repr=False)
    slopes: Float[jax.Array, "k d"] = field(repr=False)
    directions: Float[jax.Array, "rank d"] = field(repr=False)
    scales: Float[jax.Array, " rank"] = field(repr=False)
    target_mean: Float[jax.Array, " k"] = field(repr=False)
    target_factor: Float[jax.Array, "r k"] = field(repr=False)
    shape: tuple[int, ...]
    target_shape: tuple[int, ...]
    seen: Seen

    @property
    def num_classes(self) -> None:
        """None: this is a generator for regression."""
        return None

    @classmethod
    def fit(cls, data: Dataset, *, rank: int) -> "JointGaussian":
        """Fit by least squares and a singular value decomposition, on the host in float64.

        Args:
            data: Points with targets (n,) or (n, k); uint8 images count as x / 255.
            rank: Number of directions the inputs vary in beside those that follow the targets, at least 0.

        Raises:
            ValueError: class labels, fewer than two points, or a negative rank.
        """
        rank = _given.whole("rank", rank, 0)
        if data.num_classes is not None:
            raise ValueError("JointGaussian is for regression; for class labels use ClassGaussian.")
        if len(data) < 2:
            raise ValueError(f"a joint Gaussian needs at least two points, got {len(data)}.")
        x = np.asarray(_numerics.as_rows(np.asarray(data.x)))
        y = np.asarray(data.y, np.float64).reshape(len(data), -1)
        x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
        # A constant target is one also where its mean is rounded: nothing follows it.
        varies = np.ptp(y, axis=0) > 0
        slopes = _slopes(x - x_mean, np.where(varies, y - y_mean, 0.0))
        rest = x - x_mean - (y - y_mean) @ slopes
        directions, scales = principal(rest, min(rank, x.shape[1]))
        factor = np.linalg.qr((y - y_mean) / np.sqrt(len(y) - 1), mode="r")
        parts = (x_mean, slopes, directions, scales, y_mean, factor)
        return cls(
            *(jnp.asarray(part, jnp.float32) for part in parts),
            shape=tuple(data.x.shape[1:]),
            target_shape=tuple(data.y.shape[1:]),
            seen=Seen.of(data),
        )

    def labels(self, count: int, *, key: Key) -> jax.Array:
        """Draw targets from their marginal.

        Args:
            count: Number of targets.
            key: PRNG key.

        Returns:
            Targets (count,) or (count, k), float32.

        Raises:
            ValueError: a count below one.
        """
        count = _given.whole("count", count, 1)
        z = jax.random.normal(key, (count, self.target_factor.shape[0]), jnp.float32)
        return (self.target_mean + _product(z, self.target_factor)).reshape(
            count, *self.target_shape
        )

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> jax.Array:
        """Draw one input a target, from the Gaussian of inputs given targets.

        Args:
            labels: Targets (m,) or (m, k), as in the data fitted on; any finite value.
            key: PRNG key.

        Returns:
            Inputs (m, ...) in float32, on the scale of the data fitted on (0..1 for uint8 images).

        Raises:
            ValueError: targets of another shape, or (outside `jit`) not finite.
        """
        _given.targets(labels, self.target_shape)
        count = labels.shape[0]
        away = jnp.asarray(labels, jnp.float32).reshape(count, self.slopes.shape[0])
        z = jax.random.normal(key, (count, len(self.scales)), jnp.float32) * self.scales
        x = self.mean + _product(away - self.target_mean, self.slopes)
        return (x + _product(z, self.directions)).reshape(count, *self.shape)


def _slopes(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "n k"]) -> np.ndarray:
    """Least squares of centred inputs on centred targets (k, d), each target in its own unit."""
    unit = np.sqrt(np.mean(y**2, axis=0))
    unit = np.where(unit > 0, unit, 1.0)
    return np.linalg.lstsq(y / unit, x, rcond=None)[0] / unit[:, None]


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=_numerics.HIGHEST)


jax.tree_util.register_dataclass(
    JointGaussian,
    data_fields=["mean", "slopes", "directions", "scales", "target_mean", "target_factor"],
    meta_fields=["shape", "target_shape", "seen"],
)
