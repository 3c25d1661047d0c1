"""Which features to compare points by when the caller names none."""

from typing import Any

from jaxtyping import Shaped

from synthmix_jax._typing import Array
from synthmix_jax.features._convolutions import RandomConvolutions
from synthmix_jax.features._given import AsGiven, Pixels


def default(x: Shaped[Array, "n ..."]) -> Any:
    """Random convolutions for images, the features as given for vectors.

    Args:
        x: Points (n, ...), of which the shape decides: images are (n, height, width) or
            (n, height, width, channels).

    Returns:
        `RandomConvolutions()` for images of at least 6 x 6 pixels, `Pixels()` for smaller ones and for
        points of more dimensions (volumes), `AsGiven()` for vectors. Their `repr` says which.
    """
    if x.ndim < 3:
        return AsGiven()
    convolutions = RandomConvolutions()
    fits = x.ndim <= 4 and min(x.shape[1:3]) >= convolutions.smallest
    return convolutions if fits else Pixels()
