import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.kernels import RBF
from synthmix_jax.theory import (
    fourier_design,
    gaussian_design,
    hermite_design,
    mehler_kernel,
    periodic_sobolev_kernel,
    rbf_design,
    rbf_eigenvalues,
)

pytestmark = pytest.mark.usefixtures("double")

POINTS = np.linspace(-1.7, 1.9, 9)


def gauss(num, scale=1.0):
    """Points and weights that integrate polynomials under N(0, scale^2)."""
    x, w = np.polynomial.hermite_e.hermegauss(num)
    return scale * x, w / w.sum()


@pytest.mark.parametrize("r", [1, 2, 3])
def test_fourier_is_the_sobolev_kernel(r):
    design = fourier_design(4000 if r == 1 else 200, r=float(r))
    exact = periodic_sobolev_kernel(POINTS, POINTS + 0.1, r=r)
    # What is cut off: 2 sum_{k > K} k^-2r.
    atol = 2.0 * 4000.0**-1 if r == 1 else 1e-6
    np.testing.assert_allclose(design.kernel(POINTS, POINTS + 0.1), exact, atol=atol)


@pytest.mark.parametrize(("lengthscale", "scale"), [(1.0, 1.0), (0.5, 2.0), (3.0, 0.7)])
def test_rbf_is_its_expansion(lengthscale, scale):
    design = rbf_design(200, lengthscale=lengthscale, scale=scale)
    exact = RBF(lengthscale)(POINTS[:, None], POINTS[:, None])
    np.testing.assert_allclose(design.kernel(POINTS, POINTS), exact, atol=1e-10)
    assert design.eigenvalues.sum() == pytest.approx(1.0)


def test_hermite_is_mehlers_kernel():
    design = hermite_design(150, rho=0.6)
    np.testing.assert_allclose(
        design.kernel(POINTS, POINTS[:4]), mehler_kernel(POINTS, POINTS[:4], rho=0.6), rtol=1e-10
    )


@pytest.mark.parametrize("name", ["fourier", "rbf", "hermite"])
def test_eigenfunctions_are_orthonormal(name):
    if name == "fourier":
        design, x, w = fourier_design(5, r=1.3), np.arange(32) / 32, np.full(32, 1 / 32)
    elif name == "rbf":
        design, (x, w) = rbf_design(8, lengthscale=1.5, scale=2.0), gauss(150, 2.0)
    else:
        design, (x, w) = hermite_design(8, rho=0.4), gauss(40)
    features = np.asarray(design.features(x))
    np.testing.assert_allclose(
        features.T @ (w[:, None] * features), np.eye(features.shape[1]), atol=1e-10
    )


@pytest.mark.parametrize(
    "design",
    [
        fourier_design(3, r=1.0),
        rbf_design(5, lengthscale=1.0, scale=2.0),
        hermite_design(5, rho=0.5),
        gaussian_design(np.arange(1, 6) ** -2.0),
    ],
)
def test_samples_follow_the_law(design):
    x = design.sample(jax.random.key(0), 20_000)
    features = np.asarray(design.features(x))
    moment = features.T @ features / len(features)
    np.testing.assert_allclose(moment, np.eye(len(moment)), atol=0.15)
    assert features.shape[1] == len(design.eigenvalues)


def test_rbf_in_several_dimensions_is_a_product():
    one = rbf_eigenvalues(30, lengthscale=1.2, scale=0.8)
    three = rbf_eigenvalues(40, lengthscale=1.2, scale=0.8, dimension=3)
    slow = np.sort(np.einsum("i,j,k->ijk", one, one, one).ravel())[::-1][:40]
    np.testing.assert_allclose(three, slow, rtol=1e-12)
    np.testing.assert_allclose(one, rbf_design(30, lengthscale=1.2, scale=0.8).eigenvalues)


def test_high_orders_neither_overflow_nor_vanish():
    for features in (hermite_design(300, rho=0.5), rbf_design(300, lengthscale=1.0)):
        values = features.features(jnp.array([0.0, 5.0, -12.0]))
        assert np.isfinite(values).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="num must be at least 1"):
        fourier_design(0, r=1.0)
    with pytest.raises(ValueError, match="lengthscale must be positive"):
        rbf_design(3, lengthscale=0.0)
    with pytest.raises(ValueError, match="rho must be between 0 and 1, got 1"):
        hermite_design(3, rho=1.0)
    with pytest.raises(ValueError, match="rho must be"):
        mehler_kernel(POINTS, POINTS, rho=-1.0)
    with pytest.raises(ValueError, match="r must be 1, 2 or 3, got 4"):
        periodic_sobolev_kernel(POINTS, POINTS, r=4)
    with pytest.raises(ValueError, match="dimension must be at least 1"):
        rbf_eigenvalues(3, lengthscale=1.0, dimension=0)
