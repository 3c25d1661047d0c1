"""kappa against the equation it comes from, in extended precision, for inputs of every kind."""

import numpy as np
import pytest

from synthmix_jax.theory import mixed_risk_parts

pytestmark = pytest.mark.usefixtures("double")

J = np.arange(1, 51)
SPECTRA = {
    "power": J**-2.0,
    "rough": J**-1.05,
    "exponential": 0.6**J,
    "flat": np.ones(50),
    "two plateaus": np.where(J <= 20, 1.0, 1e-12),
    "far apart": 10.0 ** -(J % 7 * 4.0),
    "one": np.array([0.7]),
    "with zeros, unsorted": np.where(J % 2 == 0, J**-1.5, 0.0)[::-1],
    "large": 1e30 * J**-2.0,
    "small": 1e-30 * J**-2.0,
}


@pytest.mark.parametrize("name", SPECTRA)
def test_tau_solves_its_equation(name):
    mu = SPECTRA[name]
    n = np.array([0.0, 0.5, 10.0, 20.0, 50.0, 3000.0])[:, None, None, None]
    m = np.array([1.0, 7.5, 40.0, 1e6])[:, None, None]
    ridge = mu.max() * np.array([1e-14, 1e-6, 1.0, 1e8])[:, None]
    w = np.array([1e-6, 0.3, 1.0, 1e4])
    coefficients = np.zeros(len(mu))
    parts = mixed_risk_parts(
        mu, coefficients, coefficients, n=n, m=m, ridge=ridge, weight=w, noise_variance=1.0
    )
    tau, positive = parts.tau.astype(np.longdouble)[..., None], mu[mu > 0].astype(np.longdouble)
    n, m, ridge, w = (v[..., None].astype(np.longdouble) for v in (n, m, ridge, w))
    a = n / (1 + tau) + w * m / (1 + w * tau)
    again = np.sum(1.0 / (a + ridge / positive), axis=-1)
    np.testing.assert_allclose(again, parts.tau, rtol=1e-13)
    assert (parts.risk > 0).all()
    assert ((parts.real_share >= 0) & (parts.real_share <= 1)).all()


def test_number_learned_is_at_most_that_of_points_and_of_eigenvalues(problem):
    mu, truth, generator = problem
    m = np.linspace(0, 100, 21)
    learned = mixed_risk_parts(
        mu, truth, generator, n=10, m=m, ridge=1e-3, noise_variance=0.1
    ).learned
    assert (np.diff(learned) > 0).all()
    assert (learned < np.minimum(10 + m, len(mu))).all()


def test_accurate_at_interpolation():
    """n = j: kappa goes to zero as the root of the ridge, and the peak's height with it. At mu = 1 it is known."""
    j, ridge = 50, 1e-20
    # j / (1 + k) = j / (1 + u), u = ridge (1 + k) / (k j):   k = u   =>   j k^2 = ridge (1 + k).
    kappa = (ridge + np.sqrt(ridge**2 + 4 * j * ridge)) / (2 * j)
    parts = mixed_risk_parts(
        np.ones(j), np.ones(j), np.ones(j), n=j, m=0, ridge=ridge, noise_variance=1.0
    )
    assert parts.kappa == pytest.approx(kappa, rel=1e-12)
    # S_2 / n = (1 + k)^-2: n - S_2 would have few digits left as a difference.
    # n / (n - S_2) (e_r + s) - s with e_r = j (k / (1 + k))^2 and s = 1.
    amplified = (1 + kappa) ** 2 / (2 * kappa + kappa**2)
    height = amplified * (j * (kappa / (1 + kappa)) ** 2 + 1) - 1
    assert parts.risk == pytest.approx(height, rel=1e-11)
