"""Kernels whose eigenvalues and eigenfunctions are known: what theory and estimates can be held against.

    Gaussian features   phi_j independent N(0, 1), any eigenvalues: the formulas of `_risk` are good to 1 %.
    Fourier             x uniform on [0, 1): 1, sqrt 2 cos 2 pi k x, sqrt 2 sin 2 pi k x with eigenvalues k^(-2r),
                        both. For whole r the kernel is 1 + (-1)^(r+1) (2 pi)^(2r) / (2r)! B_2r({x - x'}), with
                        Bernoulli's polynomials B: periodic Sobolev (splines) [classical].
    RBF                 x ~ N(0, s^2), k = exp(-(x - x')^2 / (2 l^2)): with a = 1 / (4 s^2), b = 1 / (2 l^2),
                        c = sqrt(a^2 + 2 a b), A = a + b + c, the eigenvalues are sqrt(2 a / A) (b / A)^k and the
                        eigenfunctions (c / a)^(1/4) exp(-(c - a) x^2) he_k(2 sqrt(c) x) [zhu1998; rasmussen2006,
                        ch. 4.3]; in d dimensions, products.
    Hermite             x ~ N(0, 1), eigenvalues rho^k with he_k: Mehler's kernel
                        (1 - rho^2)^(-1/2) exp(-(rho^2 (x^2 + x'^2) - 2 rho x x') / (2 (1 - rho^2))) [classical].

he_k are Hermite's polynomials, orthonormal under N(0, 1): sqrt(k + 1) he_(k+1) = x he_k - sqrt(k) he_(k-1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, Key


@dataclass(frozen=True, eq=False)
class Design:
    """A law of inputs with the eigenvalues and eigenfunctions of a kernel under it.

    Attributes:
        eigenvalues: The first j, in the order of `features`; not necessarily sorted.
        features: x (n, ...) -> (n, j), orthonormal under the law: E[phi_i phi_j] = 1 if i = j else 0.
        sample: (key, n) -> x (n, ...), from the law.
    """

    eigenvalues: Float[np.ndarray, " j"]
    features: Callable[[Array], jax.Array]
    sample: Callable[[Key, int], jax.Array]

    def kernel(self, x1: Array, x2: Array) -> jax.Array:
        """sum_j mu_j phi_j(x1) phi_j(x2), cut off after the last eigenvalue (n, m)."""
        pair = self.features(x1) * self.eigenvalues, self.features(x2).T
        return jnp.matmul(*pair, precision=_numerics.HIGHEST)


def gaussian_design(eigenvalues: Float[Array, " j"]) -> Design:
    """Independent Gaussian features; an input is its features (n, j)."""
    values = np.asarray(eigenvalues, dtype=np.float64)
    return Design(values, jnp.asarray, lambda key, n: jax.random.normal(key, (n, len(values))))


def fourier_design(num: int, *, r: float) -> Design:
    """Sines and cosines on the circle [0, 1): frequencies 1..num, and the constant; 2 num + 1 eigenvalues.

    Args:
        num: Highest frequency.
        r: Smoothness: frequency k has the eigenvalue k^(-2r), the constant 1.

    Raises:
        ValueError: num below 1 or r not positive.
    """
    _check_num(num)
    _checks.positive_value("r", r)
    k = np.arange(1, num + 1)

    def features(x: Array) -> jax.Array:
        angle = 2.0 * math.pi * jnp.asarray(x)[:, None] * k
        # Cosine and sine of one frequency side by side, so that a prefix is a band of frequencies.
        both = math.sqrt(2.0) * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=2)
        return jnp.concatenate([jnp.ones_like(angle[:, :1]), both.reshape(len(angle), -1)], axis=1)

    values = np.concatenate([[1.0], np.repeat(k ** (-2.0 * r), 2)])
    return Design(values, features, lambda key, n: jax.random.uniform(key, (n,)))


def periodic_sobolev_kernel(x1: Float[Array, " n"], x2: Float[Array, " m"], *, r: int) -> jax.Array:
    """The kernel of `fourier_design` with all frequencies, r = 1, 2 or 3.

    Raises:
        ValueError: another r; the polynomials of higher order lose digits.
    """
    polynomials = {
        1: (1.0, -1.0, 1 / 6),
        2: (1.0, -2.0, 1.0, 0.0, -1 / 30),
        3: (1.0, -3.0, 2.5, 0.0, -0.5, 0.0, 1 / 42),
    }
    if r not in polynomials:
        raise ValueError(f"r must be 1, 2 or 3, got {r}. Use fourier_design(num, r=r).kernel.")
    apart = jnp.asarray(x1)[:, None] - jnp.asarray(x2)[None, :]
    scale = (-1) ** (r + 1) * (2.0 * math.pi) ** (2 * r) / math.factorial(2 * r)
    return 1.0 + scale * jnp.polyval(jnp.asarray(polynomials[r]), apart - jnp.floor(apart))


def rbf_design(num: int, *, lengthscale: float, scale: float = 1.0) -> Design:
    """`kernels.RBF(lengthscale)` on one Gaussian feature of standard deviation `scale`.

    Raises:
        ValueError: num below 1, a lengthscale or scale that is not positive.

    References:
        Zhu et al. (1998). [zhu1998] Rasmussen and Williams (2006), ch. 4.3. [rasmussen2006]
    """
    a, c, first, ratio = _rbf_constants(num, lengthscale, scale)

    def features(x: Array) -> jax.Array:
        x = jnp.asarray(x)
        # Before the polynomials grow: the recursion is linear.
        envelope = (c / a) ** 0.25 * jnp.exp(-(c - a) * x**2)
        return _hermite(2.0 * math.sqrt(c) * x, num, envelope)

    return Design(
        first * ratio ** np.arange(num),
        features,
        lambda key, n: scale * jax.random.normal(key, (n,)),
    )


def rbf_eigenvalues(
    num: int, *, lengthscale: float, scale: float = 1.0, dimension: int = 1
) -> Float[np.ndarray, " j"]:
    """The largest `num` eigenvalues of the RBF kernel on `dimension` independent Gaussian features, falling.

    Degree k has the eigenvalue first^d ratio^k, as often as there are products of d polynomials of that degree.

    Raises:
        ValueError: num or dimension below 1, a lengthscale or scale that is not positive.

    References:
        Zhu et al. (1998). [zhu1998]
    """
    if dimension < 1:
        raise ValueError(f"dimension must be at least 1, got {dimension}.")
    _, _, first, ratio = _rbf_constants(num, lengthscale, scale)
    found: list[float] = []
    degree = 0
    while len(found) < num:
        repeats = math.comb(degree + dimension - 1, dimension - 1)
        found += [first**dimension * ratio**degree] * min(repeats, num - len(found))
        degree += 1
    return np.asarray(found)


def hermite_design(num: int, *, rho: float) -> Design:
    """Hermite's polynomials under N(0, 1) with eigenvalues rho^k, k = 0..num - 1: `mehler_kernel`.

    Raises:
        ValueError: num below 1 or rho outside (0, 1).
    """
    _check_num(num)
    _check_rho(rho)
    return Design(
        rho ** np.arange(num),
        lambda x: _hermite(jnp.asarray(x), num, jnp.ones_like(x)),
        lambda key, n: jax.random.normal(key, (n,)),
    )


def mehler_kernel(x1: Float[Array, " n"], x2: Float[Array, " m"], *, rho: float) -> jax.Array:
    """The kernel of `hermite_design` with all degrees; not stationary.

    Raises:
        ValueError: rho outside (0, 1).
    """
    _check_rho(rho)
    a, b = jnp.asarray(x1)[:, None], jnp.asarray(x2)[None, :]
    rest = 1.0 - rho**2
    return jnp.exp(-(rho**2 * (a**2 + b**2) - 2.0 * rho * a * b) / (2.0 * rest)) / math.sqrt(rest)


def _hermite(x: jax.Array, num: int, first: jax.Array) -> jax.Array:
    """first(x) he_k(x) for k = 0..num - 1: (n, num)."""

    def following(pair, k):
        now, last = pair
        return ((x * now - jnp.sqrt(k) * last) / jnp.sqrt(k + 1.0), now), now

    orders = jnp.arange(num, dtype=first.dtype)
    _, rows = jax.lax.scan(following, (first, jnp.zeros_like(first)), orders)
    return rows.T


def _rbf_constants(num: int, lengthscale: float, scale: float) -> tuple[float, float, float, float]:
    _check_num(num)
    lengthscale = _checks.positive_value("lengthscale", lengthscale)
    scale = _checks.positive_value("scale", scale)
    a, b = 1.0 / (4.0 * scale**2), 1.0 / (2.0 * lengthscale**2)
    c = math.sqrt(a**2 + 2.0 * a * b)
    whole = a + b + c
    return a, c, math.sqrt(2.0 * a / whole), b / whole


def _check_num(num: int) -> None:
    if num < 1:
        raise ValueError(f"num must be at least 1, got {num}: it counts eigenvalues.")


def _check_rho(rho: float) -> None:
    if not 0.0 < rho < 1.0:
        raise ValueError(f"rho must be between 0 and 1, got {rho:g}.")
