"""The points themselves as features, flattened: no map at all, and the yardstick of the others."""

import dataclasses

from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array
from synthmix_jax.features import _rows


@dataclasses.dataclass(frozen=True)
class Pixels:
    """All values of a point, flattened, uint8 as x / 255.

    Distances between pixels say little about what images show: a shift by one pixel is a long way.
    """

    def __call__(self, x: Shaped[Array, "n ..."]) -> Float[Array, "n d"]:
        """Flatten points.

        Args:
            x: Points (n, ...).

        Returns:
            Rows (n, d): float32 for uint8 and for floats of 32 bits or fewer, else the widest float.

        Raises:
            ValueError: no rows, or non-finite values.
        """
        return _rows.flattened(_rows.checked(x))


@dataclasses.dataclass(frozen=True, repr=False)
class AsGiven(Pixels):
    """Vectors as they are; the same map as `Pixels` under the name that fits vectors."""

    def __repr__(self) -> str:
        return "the features as given"
