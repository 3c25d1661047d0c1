"""The scaling law of real and surrogate data as a formula of five parameters.

    R = R* + a^2 Rs + (a^2 (B m^-b)^(1/b) + (1 - a)^2 (A n^-b)^(1/b))^b

with share a, n real and m surrogate (synthetic) points, and parameters R*, A, B, b, Rs. From memory of Eq. 4 of
[jain2024]; that it has the right limits is tested: a = 0 is R* + A n^-b, the law of real data alone, and a = 1 is
R* + Rs + B m^-b, that of synthetic data alone. At b = 1 the share of least error is Rr/(Rr + Rs(m)), where Rr and
Rs(m) are the excess errors of the two.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from synthmix_jax._typing import Array

# Stands for log(0): exp of it is zero at every exponent, and its derivatives are finite.
_NOTHING = -1e6
_GRID, _ZOOMS = 257, 4


class Parameters(NamedTuple):
    """The five parameters; arrays of any common shape.

    Attributes:
        irreducible: R*, in units of the error.
        log_real: log A.
        log_synthetic: log B.
        exponent: b.
        floor: Rs, in units of the error.
    """

    irreducible: Any
    log_real: Any
    log_synthetic: Any
    exponent: Any
    floor: Any


def error(theta: Parameters, n: Array, m: Array, share: Array) -> Array:
    """The law. A count whose part of the loss is zero does not matter; it may be zero or infinite.

    Computed from logarithms: (A n^-b)^(1/b) leaves the range of floats where b is small.
    """
    return theta.irreducible + share**2 * theta.floor + _mix(theta, n, m, share)


def best_share(theta: Parameters, n: Array, m: Array) -> Array:
    """The share of least error, to 1e-8 (the error to 1e-15): a grid, drawn in around its least point.

    For exponents below 1/2 there can be two valleys, so that a descent could end in the wrong one.
    """
    theta = Parameters(*(jnp.asarray(part)[..., None] for part in theta))
    n, m = (jnp.asarray(count)[..., None] for count in (n, m))
    steps = jnp.linspace(0.0, 1.0, _GRID)
    low = best = jnp.zeros(1)
    high = jnp.ones(1)
    for _ in range(_ZOOMS):
        shares = low + (high - low) * steps
        at = jnp.argmin(error(theta, n, m, shares), axis=-1)[..., None]
        best = low + (high - low) * steps[at]
        width = (high - low) / (_GRID - 1)
        low, high = jnp.maximum(best - width, 0.0), jnp.minimum(best + width, 1.0)
    return best[..., 0]


def _mix(theta: Parameters, n: Array, m: Array, share: Array) -> Array:
    b = theta.exponent
    synthetic = theta.log_synthetic / b + _log_part(share, m)
    real = theta.log_real / b + _log_part(1 - share, n)
    return jnp.exp(b * jnp.logaddexp(synthetic, real))


def _log_part(part: Array, count: Array) -> Array:
    """log(part^2/count), and a very low number where there is no part of the loss, or a count without end."""
    some = (part > 0) & jnp.isfinite(count)
    safe = jnp.where(some, count, 1.0)
    return jnp.where(some, 2 * jnp.log(jnp.where(some, part, 1.0)) - jnp.log(safe), _NOTHING)


def as_parameters(rows: Array) -> Parameters:
    """(..., 5) to parameters of shape (...)."""
    return Parameters(*(rows[..., i] for i in range(len(Parameters._fields))))
