"""CORAL: source inputs moved to the mean and covariance of the target, without a label of it.

    x -> (x - m_s) C_s^(-1/2) C_t^(1/2) + m_t,      C = (1 - g) S + g (tr S / d) I,   g = shrinkage

with S the sample covariance. The original adds I to both covariances of features scaled to unit variance, which is
g = 1/2 here up to a factor that cancels [sun2016]. Neither square root is formed: with singular values s and
directions V of centred rows U diag(s) V', the white rows are U diag(s / sqrt((1 - g) s^2/(n - 1) + g t)) V' with
t = tr S / d, and off the target's directions C_t^(1/2) is the number sqrt(g t), so that d may exceed the number of
points.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array
from synthmix_jax.dataset import Dataset

from ._given import two_domains


def coral(
    source: Dataset,
    target_x: Shaped[Array, "u ..."],
    *,
    shrinkage: float = 0.1,
    mean: bool = True,
) -> Dataset:
    """Move the source inputs to the target's mean and covariance; labels stay as they are.

    Args:
        source: Points whose inputs are moved, at least two.
        target_x: Target points (u, ...) with the same features, at least two; uint8 counts as x / 255.
        shrinkage: In (0, 1]: share of the mean eigenvalue, in every direction, in both covariances. Near zero the
            covariance of the result is the target's if the source's has full rank, and noise is blown up if not; at
            one only the overall scale is matched; 1/2 is the original for features of unit variance.
        mean: Move the mean to the target's. Without, the source's mean stays: as the original, which takes both
            domains to be centred.

    Returns:
        The data set with inputs in float64, of the shape they had. Images may leave the range of pixels.

    Raises:
        ValueError: different features, fewer than two points, NaN or infinity, a domain that does not vary, or a
            shrinkage outside (0, 1].

    References:
        Sun, Feng and Saenko (2016), Return of Frustratingly Easy Domain Adaptation. [sun2016]
    """
    names = ("source.x", "target_x")
    rows, target = two_domains(source.x, target_x, least=2, names=names)
    shrinkage = _checks.positive_value("shrinkage", shrinkage)
    if shrinkage > 1.0:
        raise ValueError(f"shrinkage must lie in (0, 1], got {shrinkage:g}. 0.1 is usual.")
    for name, given in zip(names, (rows, target), strict=True):
        if not np.ptp(given, axis=0).any():
            raise ValueError(f"{name} is one point many times over: it has no covariance.")
    centre, other = rows.mean(axis=0), target.mean(axis=0)
    with _numerics.x64():
        moved = np.asarray(_recoloured(rows - centre, target - other, shrinkage))
    x = (moved + (other if mean else centre)).reshape(np.shape(source.x))
    return Dataset(x, source.y, num_classes=source.num_classes, class_names=source.class_names)


@jax.jit
def _recoloured(
    source: Float[Array, "n d"], target: Float[Array, "u d"], shrinkage: float | jax.Array
) -> Float[jax.Array, "n d"]:
    """Centred source rows times C_s^(-1/2) C_t^(1/2)."""
    left, s, directions = jnp.linalg.svd(source, full_matrices=False)
    variances, floor = _shrunk(s, source.shape, shrinkage)
    white = _product(left * (s / jnp.sqrt(variances)), directions)
    _, s, directions = jnp.linalg.svd(target, full_matrices=False)
    variances, floor = _shrunk(s, target.shape, shrinkage)
    along = _product(white, directions.T) * (jnp.sqrt(variances) - jnp.sqrt(floor))
    return jnp.sqrt(floor) * white + _product(along, directions)


def _shrunk(
    s: jax.Array, shape: tuple[int, ...], shrinkage: float | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Shrunken variances along the directions, and the one off them."""
    variances = s**2 / (shape[0] - 1)
    floor = shrinkage * variances.sum() / shape[1]
    return (1.0 - shrinkage) * variances + floor, floor


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=_numerics.HIGHEST)
