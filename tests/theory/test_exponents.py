import jax
import numpy as np
import pytest

from synthmix_jax.theory import decay_exponent, periodic_sobolev_kernel, spectral_exponents

pytestmark = pytest.mark.usefixtures("double")


def sobolev(a, b):
    return periodic_sobolev_kernel(a[:, 0], b[:, 0], r=1)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 3.7])
def test_power_law_is_recovered(exponent):
    fit = decay_exponent(3.0 * np.arange(1, 400) ** -exponent, first=5)
    assert fit.value == pytest.approx(exponent, rel=0.01)
    assert fit.high - fit.low < 0.02 * exponent
    assert (fit.first, fit.last) == (5, 399)


def test_interval_covers_under_scatter(rng):
    j = np.arange(1, 300)
    fits = [decay_exponent(j**-2.0 * rng.chisquare(1, 299), first=3) for _ in range(200)]
    covered = np.mean([fit.low <= 2.0 <= fit.high for fit in fits])
    # Nominal 90 %; squares of Gaussians are skewed, and the standard deviation of 200 draws is 2 %.
    assert 0.78 < covered < 0.98


def test_fit_ends_where_bins_are_not_positive():
    values = np.where(np.arange(1, 101) < 30, np.arange(1.0, 101) ** -1.0, -1.0)
    assert decay_exponent(values, first=2).last < 50


def test_exponents_of_a_kernel_and_a_function(rng):
    """Sobolev of r = 1 has capacity 2; a function with f_j^2 ~ j^-3 then has source 1/2."""
    x = rng.uniform(size=400)
    k = np.arange(1, 60)
    phase = rng.uniform(0, 2 * np.pi, 59)
    f = (k**-1.5 * np.cos(2 * np.pi * x[:, None] * k + phase)).sum(axis=1)
    found = spectral_exponents(
        sobolev, x[:, None], f, key=jax.random.key(0), noise_variance=0.0, num_resamples=8
    )
    assert found.capacity.value == pytest.approx(2.0, abs=0.3)
    assert found.source.value == pytest.approx(0.5, abs=0.15)
    for exponent in found:
        assert exponent.low < exponent.value < exponent.high
        assert exponent.high - exponent.low < 0.8


def test_coefficients_end_in_noise(rng):
    x = rng.uniform(size=300)
    k = np.arange(1, 40)
    noisy = np.cos(2 * np.pi * x[:, None] * k) @ k**-1.5 + 0.05 * rng.normal(size=300)
    found = spectral_exponents(
        sobolev, x[:, None], noisy, key=jax.random.key(0), first=2, last=100, num_resamples=2,
        noise_variance=0.05**2,
    )  # fmt: skip
    assert found.source.last < found.capacity.last == 100


def test_capacity_alone(rng):
    found = spectral_exponents(
        sobolev, rng.uniform(size=(200, 1)), key=jax.random.key(1), num_resamples=4
    )
    assert found.source is None


def test_bad_input_is_refused(rng):
    x = rng.uniform(size=(40, 1))
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"ranks 3\.\.60 cannot be estimated from 40 inputs"):
        spectral_exponents(sobolev, x, key=key, last=60)
    with pytest.raises(ValueError, match="num_resamples"):
        spectral_exponents(sobolev, x, key=key, num_resamples=1, last=18)
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 90"):
        decay_exponent(np.ones(50), level=90.0)
    with pytest.raises(ValueError, match=r"ranks 9\.\.5"):
        decay_exponent(np.ones(50), first=9, last=5)
    with pytest.raises(ValueError, match="only 0 bins"):
        decay_exponent([1.0, -5.0, -5.0, -5.0, -5.0])
