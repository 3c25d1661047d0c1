"""Designs and coefficients that the parts share."""

import re

import numpy as np

import synthmix_jax as smx
from synthmix_jax.theory import Design


def named(name: str) -> Design:
    """The design of a name such as "gaussian, 80 features" or "fourier r=2, 81 features"."""
    match = re.fullmatch(r"(gaussian|fourier r=([\d.]+)), (\d+) features", name)
    if match is None:
        raise ValueError(
            f"no design is called {name!r}; write 'gaussian, 80 features' or 'fourier r=1, 81 features'."
        )
    count = int(match[3])
    if match[2] is None:
        return smx.theory.gaussian_design(np.arange(1, count + 1) ** -2.0)
    return smx.theory.fourier_design(count // 2, r=float(match[2]))


def frequencies(highest: int) -> np.ndarray:
    """The frequency of each eigenfunction of the circle; the constant counts as 1."""
    return np.concatenate([[1], np.repeat(np.arange(1, highest + 1), 2)])


def figure1_coefficients(highest: int, r: float, truth_decay: float, generator_decay: float):
    """Eigenvalues mu_j = j^(-2r), truth mu_j j^(-s) and generator mu_j j^(-s')."""
    j = frequencies(highest).astype(float)
    mu = j ** (-2.0 * r)
    return mu, mu * j**-truth_decay, mu * j**-generator_decay


def discrepancy(truth_decay: float, generator_decay: float) -> float:
    """D = sum over all eigenfunctions of ((theta - omega) / mu)^2; finite for decays above one half.

    The sum falls slowly: beyond the first million terms it is replaced by its integral.
    """
    last = 1_000_000
    j = np.arange(1.0, last + 1)
    tail = sum(
        sign * (last + 0.5) ** (1.0 - power) / (power - 1.0)
        for sign, power in (
            (1.0, 2 * truth_decay),
            (-2.0, truth_decay + generator_decay),
            (1.0, 2 * generator_decay),
        )
    )
    return float(2.0 * (np.sum((j**-truth_decay - j**-generator_decay) ** 2) + tail))
