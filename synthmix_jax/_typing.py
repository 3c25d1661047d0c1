"""Names for arrays in signatures.

One vocabulary of dimensions is used throughout: n real points, m synthetic points, t test points,
d features, k outputs, c counts, l ridges, w weights, r ratios, s seeds.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

Array: TypeAlias = jax.Array | np.ndarray
"""An array on the host or on a device."""

Key: TypeAlias = jax.Array
"""A PRNG key, typed (`jax.random.key`) or raw (`jax.random.PRNGKey`)."""

KernelFunction: TypeAlias = Callable[[Any, Any], Any]
"""k(x1 (n, ...), x2 (m, ...)) -> (n, m): what every function that takes a kernel accepts."""

Numbers: TypeAlias = float | int | Sequence[float] | Sequence[int] | np.ndarray | jax.Array
"""One number or several: a grid of ridges, weights or counts."""
