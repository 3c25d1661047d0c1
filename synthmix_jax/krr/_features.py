"""Kernels as finite features: k(a, b) ~ phi(a) . phi(b) with D numbers a point.

Ridge regression on phi(x) (N, D) needs the sums phi^T phi (D, D) and phi^T y (D, k) only, so that no matrix of
all points ever exists. Two maps:

    Nystrom         phi(x) = k(x, Z) U e^(-1/2),   k(Z, Z) = U diag(e) U^T,   D landmarks Z: any kernel
    random Fourier  phi(x) = a [cos(w.x), sin(w.x)],  w drawn from the kernel's spectral density: stationary kernels

The Nystrom kernel is the best one in the span of k(., Z) and never above k; its error falls as fast as the
spectrum of the kernel. That of random features is a Monte Carlo error, of size D^(-1/2) for any kernel.

References:
    Williams and Seeger (2001), Using the Nyström method to speed up kernel machines. [williams2001]
    Rahimi and Recht (2007), Random features for large-scale kernel machines. [rahimi2007]
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics, kernels
from synthmix_jax._typing import Array, KernelFunction, Key

# Directions of k(Z, Z) below this share of the largest hold rounding only: twins among the landmarks.
_SMALLEST_SHARE = 1e-12


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True, eq=False)
class NystromFeatures:
    """phi(x) = k(x, landmarks) mix; a pytree, and a pure function of x.

    Attributes:
        kernel: The kernel: hyperparameters of a `kernels.Kernel` are leaves, a plain function is static.
        landmarks: Inputs Z (D, ...).
        mix: U e^(-1/2) (D, D), zero for directions that hold rounding only.
    """

    kernel: Any
    landmarks: Shaped[Array, "p ..."]
    mix: Float[Array, "p p"]

    @property
    def num_features(self) -> int:
        """D."""
        return self.mix.shape[1]

    def __call__(self, x: Shaped[Array, "n ..."]) -> Float[Array, "n p"]:
        """Features of points (n, ...), in float64 under x64."""
        cross = kernels.gram(self.kernel, x, self.landmarks)
        return jnp.matmul(cross, self.mix, precision=_numerics.HIGHEST)

    def tree_flatten(self) -> tuple[tuple, tuple]:
        """Leaves for JAX; a kernel that is a plain function is static."""
        if isinstance(self.kernel, kernels.Kernel):
            return (self.kernel, self.landmarks, self.mix), ()
        return (self.landmarks, self.mix), (self.kernel,)

    @classmethod
    def tree_unflatten(cls, aux: tuple, children: tuple) -> "NystromFeatures":
        """Rebuild from leaves."""
        return cls(*aux, *children)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class FourierFeatures:
    """phi(x) = amplitudes [cos(x w), sin(x w)]; a pytree, and a pure function of x.

    Attributes:
        frequencies: w (d, p).
        amplitudes: a (p,); their squares sum to k(x, x).
    """

    frequencies: Float[Array, "d p"]
    amplitudes: Float[Array, " p"]

    @property
    def num_features(self) -> int:
        """D = 2 p."""
        return 2 * self.frequencies.shape[1]

    def __call__(self, x: Shaped[Array, "n ..."]) -> Float[Array, "n p2"]:
        """Features of points (n, ...), in float64 under x64."""
        rows = jnp.asarray(_numerics.as_rows(x))
        phase = jnp.matmul(rows, self.frequencies, precision=_numerics.HIGHEST)
        waves = [self.amplitudes * jnp.cos(phase), self.amplitudes * jnp.sin(phase)]
        return jnp.concatenate(waves, axis=1)


FeatureMap = NystromFeatures | FourierFeatures


def nystrom_features(kernel: KernelFunction, landmarks: Shaped[Array, "p ..."]) -> NystromFeatures:
    """Nystrom features of a kernel from its landmarks, in float64.

    Args:
        kernel: A kernel or a callable (n, ...), (m, ...) -> (n, m) that JAX can trace.
        landmarks: Inputs Z (D, ...), each of which gives one feature.

    Raises:
        ValueError: the kernel matrix of the landmarks is not finite, or zero, or the kernel cannot be traced.

    References:
        williams2001.
    """
    points = np.asarray(_numerics.as_float(np.asarray(landmarks)))
    with _numerics.x64():
        try:
            jax.eval_shape(lambda x: kernels.gram(kernel, x, points), points[:1])
        except jax.errors.TracerArrayConversionError as error:
            raise ValueError(
                f"kernel {kernels.describe(kernel)} computes with NumPy, which compiled code cannot run. "
                "Write it with jax.numpy, or take method='exact'."
            ) from error
        gram = np.asarray(kernels.gram(kernel, points))
        if not np.isfinite(gram).all():
            raise ValueError(
                f"kernel {kernels.describe(kernel)} gave non-finite values on the landmarks. Check its "
                "parameters against the scale of the inputs."
            )
        values, vectors = (np.asarray(a) for a in jnp.linalg.eigh(jnp.asarray(gram)))
    if values[-1] <= 0:
        raise ValueError(
            f"kernel {kernels.describe(kernel)} is zero or negative on all landmarks; choose others."
        )
    kept = values > _SMALLEST_SHARE * values[-1]
    mix = vectors * np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return NystromFeatures(
        kernel, points, np.ascontiguousarray(mix[:, ::-1])
    )  # largest direction first


def fourier_features(
    kernel: kernels.Kernel, num_features: int, *, dimension: int, key: Key
) -> FourierFeatures:
    """Random Fourier features of a stationary kernel, of sums, products and multiples of such.

    Args:
        kernel: RBF, Laplace, Matern, Constant, and what `+`, `*` make of them.
        num_features: D, even: a cosine and a sine for each of D / 2 frequencies.
        dimension: Features d of a point.
        key: PRNG key of the frequencies.

    Raises:
        ValueError: another kernel, or an odd or too small number of features.

    References:
        rahimi2007; the spectral density of a Matern kernel is Student's t with 2 nu degrees of freedom
        (rasmussen2006, section 4.2.1).
    """
    summands = _summands(kernel)
    varying = sum(not _is_constant(part) for part in summands)
    constants = len(summands) - varying
    pairs = num_features // 2
    if num_features % 2 or pairs < max(1, len(summands)):
        raise ValueError(
            f"num_features must be even and at least {2 * max(1, len(summands))} for "
            f"{kernels.describe(kernel)}, got {num_features}: each frequency gives a cosine and a sine."
        )
    rng = _numerics.host_generator(key)
    sizes = np.diff(np.linspace(0, pairs - constants, max(varying, 1) + 1).astype(int)).tolist()
    frequencies, amplitudes = [], []
    for part in summands:
        size = 1 if _is_constant(part) else sizes.pop(0)
        drawn, variance = _draw(part, size, dimension, rng)
        frequencies.append(drawn)
        amplitudes.append(np.full(size, math.sqrt(variance / size)))
    return FourierFeatures(np.concatenate(frequencies).T, np.concatenate(amplitudes))


def _summands(kernel: Any) -> list[Any]:
    """Kernels that add up to this one; a product of sums is multiplied out."""
    if isinstance(kernel, kernels.Sum):
        return _summands(kernel.first) + _summands(kernel.second)
    if isinstance(kernel, kernels.Scaled):
        return [kernels.Scaled(kernel.scale, part) for part in _summands(kernel.kernel)]
    if isinstance(kernel, kernels.Product):
        pairs = [(a, b) for a in _summands(kernel.first) for b in _summands(kernel.second)]
        return [kernels.Product(a, b) for a, b in pairs]
    return [kernel]


def _is_constant(kernel: Any) -> bool:
    if isinstance(kernel, kernels.Scaled):
        return _is_constant(kernel.kernel)
    if isinstance(kernel, kernels.Product):
        return _is_constant(kernel.first) and _is_constant(kernel.second)
    return isinstance(kernel, kernels.Constant)


def _draw(
    kernel: Any, size: int, dimension: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Frequencies (size, d) of one product of stationary kernels, and its value at distance zero."""
    if isinstance(kernel, kernels.Scaled):
        drawn, variance = _draw(kernel.kernel, size, dimension, rng)
        return drawn, variance * float(kernel.scale)
    if isinstance(kernel, kernels.Product):
        # The spectral density of a product is a convolution: frequencies add up.
        (a, va), (b, vb) = (_draw(k, size, dimension, rng) for k in (kernel.first, kernel.second))
        return a + b, va * vb
    if isinstance(kernel, kernels.Constant):
        return np.zeros((size, dimension)), float(kernel.variance)
    normal = rng.normal(size=(size, dimension))
    if isinstance(kernel, kernels.RBF):
        return normal / np.asarray(kernel.lengthscale), 1.0
    if isinstance(kernel, kernels.Laplace | kernels.Matern):
        freedom = 1.0 if isinstance(kernel, kernels.Laplace) else 2.0 * kernel.nu
        spread = np.sqrt(freedom / rng.chisquare(freedom, size=(size, 1)))
        return normal * spread / np.asarray(kernel.lengthscale), 1.0
    raise ValueError(
        f"random Fourier features need a stationary kernel (RBF, Laplace, Matern, Constant, their sums and "
        f"products), got {kernels.describe(kernel)}. Take method='nystrom', which suits any kernel."
    )
