import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.kernels import RBF
from synthmix_jax.theory import (
    discrepancy_curve,
    effective_dimension,
    estimate_spectrum,
    mixed_risk_parts,
    periodic_sobolev_kernel,
    rbf_design,
)

pytestmark = pytest.mark.usefixtures("double")

DESIGN = rbf_design(40, lengthscale=1.0)


@pytest.fixture
def x(rng):
    return rng.normal(size=400)


def test_eigenvalues_and_coefficients_are_those_of_the_law(x):
    coefficients = 0.6 ** np.arange(40)
    values = np.asarray(DESIGN.features(x)) @ coefficients
    spectrum = estimate_spectrum(RBF(1.0), x[:, None], values, noise_variance=0.0)
    np.testing.assert_allclose(spectrum.eigenvalues[:5], DESIGN.eigenvalues[:5], rtol=0.2)
    np.testing.assert_allclose(np.abs(spectrum.coefficients[:4]), coefficients[:4], rtol=0.25)
    # Exactly: eigenvalues sum to the mean of the diagonal, and power to the mean square.
    assert spectrum.eigenvalues.sum() == pytest.approx(1.0)
    assert spectrum.power.sum() == pytest.approx(np.mean(values**2))
    np.testing.assert_allclose(spectrum.coefficients_of(values), spectrum.coefficients)


def test_equally_spaced_points_on_the_circle_are_exact():
    n = 64
    kernel = lambda a, b: periodic_sobolev_kernel(a[:, 0], b[:, 0], r=2)
    spectrum = estimate_spectrum(kernel, np.arange(n)[:, None] / n)
    np.testing.assert_allclose(
        spectrum.eigenvalues[:9], np.r_[1.0, np.repeat(np.arange(1, 5) ** -4.0, 2)], rtol=1e-4
    )
    assert spectrum.coefficients is None


def test_noise_is_taken_off_on_average(x, rng):
    truth = np.asarray(DESIGN.features(x))[:, 1]
    clean = estimate_spectrum(RBF(1.0), x[:, None], truth, noise_variance=0.0)
    powers = []
    for _ in range(3):
        noisy = truth[:, None] + rng.normal(size=(400, 50))  # 50 draws as outputs
        drawn = clean.coefficients_of(noisy) ** 2 - 1.0 / 400
        powers.append(drawn.mean(axis=1))
    spread = np.sqrt(2.0 / 150) / 400
    assert np.abs(np.mean(powers, axis=0) - clean.power)[3:].max() < 6 * spread
    estimated = estimate_spectrum(RBF(1.0), x[:, None], truth + rng.normal(size=400))
    assert estimated.noise_variance == pytest.approx(1.0, rel=0.25)
    assert estimated.power.sum() == pytest.approx(1.0, rel=0.3)


def test_several_outputs(x):
    values = np.asarray(DESIGN.features(x))[:, :3]
    spectrum = estimate_spectrum(RBF(1.0), x[:, None], values)
    assert spectrum.coefficients.shape == (400, 3)
    assert spectrum.power.shape == (400,)


def test_duplicated_points_leave_zero_eigenvalues(x):
    spectrum = estimate_spectrum(RBF(1.0), np.r_[x[:20], x[:20]][:, None])
    assert (spectrum.eigenvalues[20:] == 0).all()
    assert (spectrum.eigenvalues >= 0).all()


def test_effective_dimension():
    mu = DESIGN.eigenvalues
    kappa = np.array([[1e-12, 0.1], [1.0, 1e9]])
    dimension = effective_dimension(mu, kappa)
    assert dimension.shape == (2, 2)
    for index in np.ndindex(2, 2):
        assert dimension[index] == pytest.approx(np.sum(mu / (mu + kappa[index])), rel=1e-12)
    parts = mixed_risk_parts(mu, mu, mu, n=20, m=5, ridge=0.1, noise_variance=1.0)
    assert effective_dimension(mu, parts.kappa) == pytest.approx(float(parts.learned), rel=1e-12)
    slope = jax.grad(lambda k: effective_dimension(mu, k))(0.1)
    assert float(slope) == pytest.approx(-np.sum(mu / (mu + 0.1) ** 2), rel=1e-10)


def test_discrepancy_is_written_out():
    mu = np.array([0.25, 1.0, 0.0, 0.5])
    truth, generator = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.5, 1.0, 9.0, 4.0])
    curve = discrepancy_curve(mu, truth, generator, cutoffs=[1.0, 0.5, 0.3, 0.25, 1e-9])
    np.testing.assert_array_equal(curve.kept, [1, 2, 2, 3, 3])
    np.testing.assert_allclose(curve.value, [1, 1, 1, 1 + 0.25 * 16, 1 + 0.25 * 16])
    assert (curve.noise == 0).all()


def test_discrepancy_has_a_plateau_or_none():
    j = np.arange(1, 2001)
    mu = j**-2.0
    smooth, rough = j**-3.5, j**-1.0
    plateau = discrepancy_curve(mu, smooth, 2 * smooth, cutoffs=np.logspace(0, -6, 13))
    assert plateau.value[-1] / plateau.value[-5] == pytest.approx(1.0, abs=1e-3)
    none = discrepancy_curve(mu, rough, 2 * rough, cutoffs=np.logspace(0, -6, 13))
    # sum j^2 up to J is J^3 / 3, and J grows tenfold with a hundredth of the cutoff.
    assert none.value[-1] / none.value[-5] == pytest.approx(1e3, rel=0.05)


def test_noise_of_coefficients_shows_in_the_discrepancy(rng):
    mu = np.arange(1, 101) ** -2.0
    noisy = 0.01 * rng.normal(size=(100, 500))
    # 500 draws as outputs: their variances add up.
    curve = discrepancy_curve(mu, noisy, 0 * noisy, coefficient_variance=500 * 1e-4)
    assert np.abs(curve.value[-1]) < 0.1 * curve.noise[-1]
    assert (np.diff(curve.noise) >= 0).all()


def test_bad_input_is_refused(x):
    with pytest.raises(ValueError, match="fewer than two"):
        estimate_spectrum(RBF(1.0), x[:1, None])
    with pytest.raises(ValueError, match=r"targets have shape \(3,\) for 400 inputs"):
        estimate_spectrum(RBF(1.0), x[:, None], x[:3])
    with pytest.raises(ValueError, match="x holds 1 non-finite"):
        estimate_spectrum(RBF(1.0), np.r_[x, np.nan][:, None])
    with pytest.raises(ValueError, match="not positive semi-definite"):
        estimate_spectrum(lambda a, b: -RBF(1.0)(a, b) + jnp.zeros(()), x[:9, None])
    with pytest.raises(ValueError, match="noise_variance must be"):
        estimate_spectrum(RBF(1.0), x[:, None], x, noise_variance=-1.0)
    spectrum = estimate_spectrum(RBF(1.0), x[:9, None])
    with pytest.raises(ValueError, match="for 9 inputs"):
        spectrum.coefficients_of(x)
    with pytest.raises(ValueError, match="kappa must be positive"):
        effective_dimension([1.0], 0.0)
    with pytest.raises(ValueError, match="got 2 > 1"):
        discrepancy_curve([1.0], [1.0], [1.0], cutoffs=2.0)
    with pytest.raises(ValueError, match=r"truth has shape \(1, 1\)"):
        discrepancy_curve([1.0], np.ones((1, 1)), [1.0])
