"""Principal directions of rows, and points placed along the directions of their class."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _numerics
from synthmix_jax._typing import Array


def class_rows(x: np.ndarray, labels: np.ndarray, classes: int) -> list[np.ndarray]:
    """The rows of each class.

    Raises:
        ValueError: a class without points.
    """
    rows = [x[labels == label] for label in range(classes)]
    for label, own in enumerate(rows):
        if len(own) == 0:
            raise ValueError(
                f"class {label} has no points to fit; leave it out or give at least one."
            )
    return rows


def principal(
    centred: Float[np.ndarray, "n d"], rank: int
) -> tuple[Float[np.ndarray, "rank d"], Float[np.ndarray, " rank"]]:
    """Leading directions of centred rows, and standard deviations along them (divisor n - 1).

    Directions beyond the n - 1 that n centred rows can have are zero.
    """
    directions, scales = np.zeros((rank, centred.shape[1])), np.zeros(rank)
    _, singular, right = np.linalg.svd(centred, full_matrices=False)
    kept = min(rank, len(centred) - 1, len(singular))
    directions[:kept] = right[:kept]
    # n - 1: the unbiased variance along each direction.
    scales[:kept] = singular[:kept] / np.sqrt(max(len(centred) - 1, 1))
    return directions, scales


def placed(
    z: Float[Array, "m rank"],
    labels: Int[Array, " m"],
    means: Float[Array, "classes d"],
    directions: Float[Array, "classes rank d"],
) -> jax.Array:
    """Mean of the class plus coordinates times its directions: (m, d)."""
    # One product per class, masked, rather than a gathered (m, rank, d) array.
    x = means[labels]
    for label in range(means.shape[0]):
        mine = (labels == label)[:, None]
        step = jnp.matmul(jnp.where(mine, z, 0.0), directions[label], precision=_numerics.HIGHEST)
        x = x + step
    return x
