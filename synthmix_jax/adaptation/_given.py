"""Points of two domains, checked at once and flattened to rows in float64."""

import numpy as np
from jaxtyping import Float

from synthmix_jax import _checks, _numerics


def two_domains(
    source_x: object, target_x: object, *, least: int, names: tuple[str, str]
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "u d"]]:
    """Rows of both domains.

    Raises:
        ValueError: fewer than `least` points, points of different shapes, no features, NaN or infinity.
    """
    arrays = [
        _checks.numeric_array(name, x) for name, x in zip(names, (source_x, target_x), strict=True)
    ]
    for name, x in zip(names, arrays, strict=True):
        if x.ndim == 0 or len(x) < least:
            count = "a scalar" if x.ndim == 0 else f"{len(x)}"
            raise ValueError(f"{name} needs at least {least} points, got {count}.")
        _checks.finite(name, x)
    shapes = [x.shape[1:] for x in arrays]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{names[0]} has points of shape {shapes[0]} and {names[1]} of {shapes[1]}. Bring both to the same "
            "features (or the same size of image) first."
        )
    if 0 in shapes[0]:
        raise ValueError(f"{names[0]} has no features: its points are of shape {shapes[0]}.")
    source, target = (np.asarray(_numerics.as_rows(np.asarray(x))) for x in arrays)
    return source, target
