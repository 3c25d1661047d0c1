"""RBF, Laplace and Matérn against scikit-learn, and distances against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.gaussian_process import kernels as judge

from synthmix_jax import kernels


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


ARD = np.array([0.5, 1.0, 4.0])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (kernels.RBF(1.7), judge.RBF(1.7)),
        (kernels.RBF(ARD), judge.RBF(ARD)),
        (kernels.Laplace(1.7), judge.Matern(1.7, nu=0.5)),
        (kernels.Laplace(ARD), judge.Matern(ARD, nu=0.5)),
        (kernels.Matern(1.7, nu=0.5), judge.Matern(1.7, nu=0.5)),
        (kernels.Matern(1.7), judge.Matern(1.7, nu=1.5)),
        (kernels.Matern(1.7, nu=2.5), judge.Matern(1.7, nu=2.5)),
        (kernels.Matern(ARD, nu=2.5), judge.Matern(ARD, nu=2.5)),
        (
            2.0 * kernels.RBF(1.7) * kernels.Matern(0.4) + kernels.Constant(0.3),
            2.0 * judge.RBF(1.7) * judge.Matern(0.4, nu=1.5) + judge.ConstantKernel(0.3),
        ),
    ],
)
def test_against_scikit_learn(ours, theirs, rng):
    x, z = rng.normal(size=(30, 3)), rng.normal(size=(20, 3))
    z[:5] = x[:5]
    np.testing.assert_allclose(ours(x, z), theirs(x, z), rtol=1e-12, atol=1e-14)


def test_one_lengthscale_a_feature_equals_one_for_all(rng):
    x = rng.normal(size=(9, 3))
    np.testing.assert_allclose(
        kernels.Matern([1.5, 1.5, 1.5])(x, x), kernels.Matern(1.5)(x, x), rtol=1e-13
    )


@pytest.mark.parametrize("d", [1, 64, 3072])
def test_equal_points_are_at_distance_zero(d, rng):
    """Rounding of 1e-16 would be 1e-8 after a square root."""
    x = rng.normal(size=(50, d)) + 3.0
    assert (np.diag(kernels.squared_distances(x, x)) == 0.0).all()
    assert (np.diag(kernels.Laplace(1.0)(x, x)) == 1.0).all()
    with jax.enable_x64(False):
        single = jnp.asarray(x, jnp.float32)
        assert (np.diag(kernels.squared_distances(single, single)) == 0.0).all()


def test_squared_distances_against_differences(rng):
    x, z = rng.normal(size=(40, 7)) + 50.0, rng.normal(size=(30, 7)) + 50.0
    slow = ((x[:, None] - z[None]) ** 2).sum(-1)
    np.testing.assert_allclose(kernels.squared_distances(x, z), slow, rtol=1e-12)


def test_squared_distances_are_never_negative(rng):
    with jax.enable_x64(False):
        x = jnp.asarray(1.0 + 1e-3 * rng.normal(size=(200, 5)), jnp.float32)
        z = x * (1.0 + 1e-7)
        assert float(kernels.squared_distances(x, z).min()) >= 0.0


def test_numpy_data_far_away_are_centred_before_they_are_cast(rng):
    """Float64 data at 1e6 keep their distances though JAX computes in float32."""
    x = rng.normal(size=(20, 3))
    with jax.enable_x64(False):
        far = kernels.RBF(1.0)(x + 1e6, x + 1e6)
        near = kernels.RBF(1.0)(x, x)
    np.testing.assert_allclose(far, near, atol=2e-6)


@pytest.mark.parametrize("nu", [1.5, 2.5])
def test_matern_is_flat_at_zero(nu):
    """Slope 0 at distance zero, as a differentiable function has; Laplace has slope -1 / l."""
    h = 1e-4
    flat = kernels.Matern(1.0, nu=nu)(np.zeros((1, 1)), np.full((1, 1), h))
    kink = kernels.Laplace(1.0)(np.zeros((1, 1)), np.full((1, 1), h))
    assert abs(float(flat[0, 0]) - 1.0) / h < 2e-4
    assert abs((1.0 - float(kink[0, 0])) / h - 1.0) < 1e-4


@pytest.mark.parametrize("kind", [kernels.RBF, kernels.Laplace, kernels.Matern])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "lengthscale must be positive and finite, got 0.*median_lengthscale"),
        (-1.5, "got -1.5"),
        (np.nan, "got nan"),
        (np.inf, "got inf"),
        (np.array([1.0, -2.0]), "got -2"),
        (jnp.float32(-3.0), "got -3"),
        (np.ones((2, 2)), r"one number or an array \(d,\), one a feature; got shape \(2, 2\)"),
        (np.ones(0), r"got shape \(0,\)"),
        ("wide", "lengthscale must be an array of numbers, got str"),
    ],
)
def test_bad_lengthscale(kind, value, said):
    with pytest.raises(ValueError, match=said):
        kind(value)


@pytest.mark.parametrize("nu", [0.0, 1.0, 3, np.nan])
def test_order_that_is_not_offered(nu):
    with pytest.raises(ValueError, match=f"nu must be 0.5, 1.5 or 2.5, got {nu}.*take RBF"):
        kernels.Matern(1.0, nu=nu)


def test_lengthscales_that_do_not_fit_the_features():
    kernel = kernels.RBF(np.array([1.0, 2.0]))
    for evaluate in (lambda x: kernel(x, x), kernel.diagonal, lambda x: kernels.gram(kernel, x)):
        with pytest.raises(ValueError, match="has 2 lengthscales, but a point has 3 features"):
            evaluate(np.ones((4, 3)))


def test_made_inside_jit_and_grad(rng):
    x = rng.normal(size=(5, 2))
    slope = jax.jit(jax.grad(lambda log: kernels.RBF(jnp.exp(log))(x, x).sum()))(0.3)
    h = 1e-6
    ends = [kernels.RBF(float(np.exp(0.3 + s)))(x, x).sum() for s in (h, -h)]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("value", [2, np.float32(2.0), np.int64(2), jnp.float32(2.0), [2.0, 2.0]])
def test_numbers_of_all_kinds(value, rng):
    x = rng.normal(size=(4, 2))
    np.testing.assert_allclose(kernels.RBF(value)(x, x), kernels.RBF(2.0)(x, x), rtol=1e-14)


def test_readable():
    assert repr(kernels.RBF(3.2)) == "RBF(lengthscale=3.2)"
    assert repr(kernels.Laplace(jnp.float32(0.5))) == "Laplace(lengthscale=0.5)"
    assert repr(kernels.Matern(2, nu=2.5)) == "Matern(lengthscale=2, nu=2.5)"
    assert repr(kernels.RBF(np.full(64, 0.3))) == "RBF(64 lengthscales, median 0.3)"
    seen = []
    jax.jit(lambda kernel: seen.append(repr(kernel)))(kernels.RBF(1.0))
    assert seen == ["RBF(lengthscale=traced)"]


def test_many_lengthscales_share_one_matrix_product(rng):
    x = jnp.asarray(rng.normal(size=(6, 3)))
    many = jax.vmap(lambda lengthscale: kernels.Matern(lengthscale)(x, x))
    text = str(jax.make_jaxpr(many)(jnp.arange(1.0, 6.0)))
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) == 1
    assert "f64[6,6]" in products[0]
