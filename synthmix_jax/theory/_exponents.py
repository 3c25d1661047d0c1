"""How fast eigenvalues and coefficients fall, with intervals: capacity and source exponents.

    mu_j ~ j^(-alpha)                     alpha: the capacity exponent (2r for Fourier of smoothness r)
    f_j^2 ~ j^(-1 - 2 alpha s)            s: the source exponent, sum_j f_j^2 mu_j^(-2t) being finite for t < s

[classical: caponnetto2007, in the letters of cui2021]. Exponents are slopes of log means over bins of ranks, each
half as long again as the one before and weighted by its length: pairs of equal eigenvalues, between which
eigenvectors are free to rotate, fall into one bin, and squared coefficients are averaged before their logarithm.

Intervals: the regression's own takes the bins for independent and the law for exact. That of `spectral_exponents`
repeats the estimate on halves of the sample drawn without replacement (the delete-half jackknife [classical]):
the spread of the halves is that of the whole about the truth. A bootstrap would repeat points, whose
eigenvalues are zero. Neither sees the error of the law itself.
"""

import itertools
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array, KernelFunction, Key, Numbers

from . import _arrays
from ._spectrum import SampleSpectrum, estimate_spectrum

# Ranks in a bin: the logarithm of a mean of fewer squares is biased, and scatters more than their number tells.
_LEAST = 4


class Exponent(NamedTuple):
    """An exponent with its interval, and the ranks it comes from.

    Attributes:
        value: The estimate.
        low: Lower end.
        high: Upper end.
        first: First rank of the fit, counted from 1.
        last: Last rank of the fit.
    """

    value: float
    low: float
    high: float
    first: int
    last: int


class _Fit(NamedTuple):
    slope: float
    error: float
    bins: int
    last: int


class SpectralExponents(NamedTuple):
    """Capacity and source.

    Attributes:
        capacity: alpha of mu_j ~ j^-alpha.
        source: s of f_j^2 ~ j^(-1 - 2 alpha s); None without targets.
    """

    capacity: Exponent
    source: Exponent | None


def decay_exponent(
    values: Numbers, *, first: int = 1, last: int | None = None, level: float = 0.9
) -> Exponent:
    """b of values_j ~ j^(-b), by regression on bins of ranks, with the interval of the regression.

    Args:
        values: Positive where they matter, one a rank (j,): eigenvalues, or squared coefficients with the noise
            taken off. A bin whose mean is not positive ends the fit.
        first: First rank used, counted from 1: the law holds in the tail.
        last: Last rank used; all if None.
        level: Of the interval, which takes the scatter of the bins about the line for independent.

    Raises:
        ValueError: ranks out of order, or fewer than four bins of positive mean.
    """
    array = np.asarray(_arrays.numbers("values", values, remedy="signed"))
    last = len(array) if last is None else last
    _check_whole(first=first, last=last)
    if not (array.ndim == 1 and 1 <= first < last <= len(array)):
        raise ValueError(
            f"ranks {first}..{last} do not fit values of shape {array.shape}: give "
            f"1 <= first < last <= {array.size}."
        )
    fit = _line(array, first, last)
    reach = _quantile(level, fit.bins - 2) * fit.error
    return Exponent(fit.slope, fit.slope - reach, fit.slope + reach, first, fit.last)


def spectral_exponents(
    kernel: KernelFunction,
    x: Shaped[Array, "n ..."],
    targets: Float[Array, "..."] | None = None,
    *,
    key: Key,
    noise_variance: float | None = None,
    first: int = 3,
    last: int | None = None,
    level: float = 0.9,
    num_resamples: int = 20,
) -> SpectralExponents:
    """Capacity and source exponents of a kernel on data, with intervals from halves of the sample.

    The intervals hold the scatter of the sample, and neither the bias of estimated eigenvalues nor that the law is
    no exact one: for splines on a circle, whose eigenvalues come in pairs (alpha = 2), 400 inputs give 2.18 +-
    0.02, and the exact eigenvalues of the same ranks 2.2. Look at several ranges of ranks.

    Args:
        kernel: A kernel or a callable.
        x: Inputs (n, ...).
        targets: (n,) or (n, k); None for the capacity alone.
        key: For the halves.
        noise_variance: Of the targets; see `estimate_spectrum`.
        first: First rank used.
        last: Last rank used; n / 8 if None, beyond which estimated eigenvalues bend down. The fit of coefficients
            ends before, where noise takes over.
        level: Of the intervals.
        num_resamples: Halves drawn.

    Raises:
        ValueError: too few points or ranks, targets without anything above noise.

    References:
        Caponnetto and De Vito (2007). [caponnetto2007] Cui et al. (2021). [cui2021]
    """
    x = _checks.numeric_array("x", x)
    n = int(x.shape[0])
    last = n // 8 if last is None else last
    _check_whole(first=first, last=last, num_resamples=num_resamples)
    if not 1 <= first < last <= n // 2:
        raise ValueError(
            f"ranks {first}..{last} cannot be estimated from {n} inputs: give 1 <= first < last <= {n // 2}, or "
            "more inputs (200 and more for the default, ranks 3 to n / 8)."
        )
    if num_resamples < 2:
        raise ValueError(f"num_resamples must be at least 2, got {num_resamples}.")
    whole = estimate_spectrum(kernel, x, targets, noise_variance=noise_variance)
    estimate = _both(whole, first, last)
    x, rng = np.asarray(x), _numerics.host_generator(key)
    rows = [rng.permutation(n)[: n // 2] for _ in range(num_resamples)]
    halves = []
    for row in rows:
        half = None if targets is None else np.asarray(targets)[row]
        spectrum = estimate_spectrum(kernel, x[row], half, noise_variance=whole.noise_variance)
        halves.append(_both(spectrum, first, last))
    factor = _quantile(level, num_resamples - 1)
    found = []
    for place, (value, end) in enumerate(estimate):
        reach = factor * float(np.std([half[place][0] for half in halves], ddof=1))
        found.append(Exponent(value, value - reach, value + reach, first, end))
    return SpectralExponents(found[0], found[1] if targets is not None else None)


def _both(spectrum: SampleSpectrum, first: int, last: int) -> list[tuple[float, int]]:
    """Capacity, and source if there are targets, each with the last rank of its fit."""
    capacity = _line(spectrum.eigenvalues, first, last)
    found = [(capacity.slope, capacity.last)]
    if spectrum.power is not None and spectrum.noise_variance is not None:
        fit = _line(spectrum.power, first, last, spectrum.noise_variance / len(spectrum.power))
        found.append(((fit.slope - 1.0) / (2.0 * capacity.slope), fit.last))
    return found


def _line(values: np.ndarray, first: int, last: int, noise: float = 0.0) -> _Fit:
    """Slope of -log mean over log rank, its standard error, the bins and the last rank used."""
    edges = [first]
    while edges[-1] <= last:
        edges.append(max(edges[-1] + _LEAST, int(1.5 * edges[-1])))
    places, heights, sizes = [], [], []
    for low, high in itertools.pairwise(edges):
        ranks = np.arange(low, min(high, last + 1))
        mean = np.mean(values[ranks - 1])
        # The mean of squared noise scatters by sqrt(2 / size) of its height.
        if mean <= 2.0 * noise * np.sqrt(2.0 / len(ranks)):
            break
        places.append(np.mean(np.log(ranks)))
        heights.append(np.log(mean))
        sizes.append(len(ranks))
    if len(places) < 4:
        raise ValueError(
            f"only {len(places)} bins of ranks from {first} hold anything above noise, and a slope with an error "
            "needs four: give more points, a smaller first rank, or a larger last one."
        )
    weight = np.asarray(sizes) / np.sum(sizes)
    place = places - weight @ np.asarray(places)
    height = heights - weight @ np.asarray(heights)
    spread = weight @ place**2
    slope = (weight * place) @ height / spread
    error = np.sqrt(weight @ (height - slope * place) ** 2 / (len(place) - 2) / spread)
    return _Fit(float(-slope), float(error), len(sizes), first + sum(sizes) - 1)


def _check_whole(**values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int | np.integer):
            raise ValueError(f"{name} must be a whole number, got {value!r}.")


def _quantile(level: float, freedom: int) -> float:
    """Of Student's t, by its expansion about the normal one [classical]: within 2 % at 0.9 and two degrees."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level:g}.")
    z = NormalDist().inv_cdf(0.5 + 0.5 * level)
    first, second = (z**3 + z) / 4.0, (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / freedom + second / freedom**2 + third / freedom**3
