"""Polynomial, arc-cosine and NTK against scikit-learn, integrals and random networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from synthmix_jax import kernels


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(("degree", "offset"), [(1, 0.0), (1, 1.0), (2, 0.5), (5, 2.0)])
def test_polynomial_against_scikit_learn(degree, offset, rng):
    x, z = rng.normal(size=(9, 4)), rng.normal(size=(6, 4))
    expected = polynomial_kernel(x, z, degree=degree, gamma=1.0, coef0=offset)
    np.testing.assert_allclose(
        kernels.Polynomial(degree, offset=offset)(x, z), expected, rtol=1e-11
    )


def test_one_layer_against_cho_and_saul(rng):
    """Their eq. 3 and 6: k_1 = |x| |y| J_1 / pi, J_1 = sin t + (pi - t) cos t, t = arccos(...)."""
    x, y = rng.normal(size=(9, 4)), rng.normal(size=(6, 4))
    norms = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    t = np.arccos(x @ y.T / norms)
    expected = norms * (np.sin(t) + (np.pi - t) * np.cos(t)) / np.pi
    np.testing.assert_allclose(kernels.ArcCosine(depth=1)(x, y), expected, rtol=1e-12)


def circle(rho):
    """2 E[relu(u) relu(v)] and 2 E[relu'(u) relu'(v)], correlation rho, summed over directions.

    (u, v) = r (cos p, cos(p - t)) with p uniform and E r^2 = 2: both are integrals over p alone.
    """
    p = 2.0 * np.pi * (np.arange(200_000) + 0.5) / 200_000
    u, v = np.cos(p), np.cos(p - np.arccos(rho))
    return (
        4.0 * np.mean(np.maximum(u, 0.0) * np.maximum(v, 0.0)),
        2.0 * np.mean((u > 0.0) & (v > 0.0)),
    )


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_every_depth_against_numerical_integration(depth, rng):
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    features, tangent = kernels.ArcCosine(depth=depth)(x, y), kernels.NTK(depth=depth)(x, y)
    for i, j in np.ndindex(3, 2):
        norms = np.linalg.norm(x[i]) * np.linalg.norm(y[j])
        rho = theta = x[i] @ y[j] / norms
        for _ in range(depth):
            one, zero = circle(rho)
            rho, theta = one, one + zero * theta
        np.testing.assert_allclose(features[i, j], norms * rho, rtol=1e-6)
        # Steps integrate to within one of 200,000 points.
        np.testing.assert_allclose(tangent[i, j], norms * theta, atol=1e-4 * norms)


def network(weights, x):
    """A ReLU network without biases in the parametrisation the NTK's docstring states."""
    *hidden, last = weights
    for W in hidden:
        x = jnp.sqrt(2.0 / W.shape[0]) * jax.nn.relu(W @ x)
    return last @ x


@pytest.mark.parametrize("depth", [1, 2])
def test_ntk_against_the_gradients_of_wide_networks(depth):
    """400 networks of width 128 have a standard error of 0.7 to 1.1 % of the largest entry."""
    x = jax.random.normal(jax.random.key(3), (4, 3), jnp.float32)
    shapes = [(128, 3), *[(128, 128)] * (depth - 1), (128,)]

    def empirical(key):
        keys = jax.random.split(key, len(shapes))
        weights = [jax.random.normal(k, s, jnp.float32) for k, s in zip(keys, shapes, strict=True)]
        gradients = jax.vmap(jax.grad(network), (None, 0))(weights, x)
        return sum(g.reshape(4, -1) @ g.reshape(4, -1).T for g in gradients)

    keys = jax.random.split(jax.random.key(0), 400)
    ntk = jax.jit(lambda keys: jax.lax.map(empirical, keys))(keys).mean(axis=0)
    expected = np.asarray(kernels.NTK(depth=depth)(x, x))
    np.testing.assert_allclose(ntk, expected, atol=0.03 * expected.max())


def test_arc_cosine_against_random_features():
    """The last layer's inputs of a wide two-layer network have the inner products of depth 2."""
    x = jax.random.normal(jax.random.key(3), (4, 3), jnp.float32)
    first = jax.random.normal(jax.random.key(1), (4000, 3), jnp.float32)
    second = jax.random.normal(jax.random.key(2), (4000, 4000), jnp.float32)
    h = x
    for W in (first, second):
        h = np.sqrt(2.0 / 4000, dtype=np.float32) * jax.nn.relu(h @ W.T)
    expected = np.asarray(kernels.ArcCosine(depth=2)(x, x))
    np.testing.assert_allclose(h @ h.T, expected, atol=0.06 * expected.max())


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_norms_are_kept(depth, rng):
    x = rng.normal(size=(7, 3))
    squares = (x**2).sum(axis=1)
    np.testing.assert_allclose(kernels.ArcCosine(depth=depth).diagonal(x), squares, rtol=1e-13)
    ntk = kernels.NTK(depth=depth)
    np.testing.assert_allclose(ntk.diagonal(x), (depth + 1) * squares, rtol=1e-13)
    np.testing.assert_allclose(ntk(2.0 * x, x), 2.0 * ntk(x, x), rtol=1e-12)


@pytest.mark.parametrize("d", [1, 3, 3072])
def test_parallel_and_opposite_points(d, rng):
    """Rounding beside a correlation of 1 would be 1e-8 in the angle."""
    x = rng.normal(size=(30, d))
    squares = (x**2).sum(axis=1)
    for scale in (1.0, 3.0):
        diagonal = np.diag(kernels.NTK(depth=2)(x, scale * x))
        np.testing.assert_allclose(diagonal, 3.0 * scale * squares, rtol=1e-12)
    opposite = np.diag(kernels.ArcCosine()(x, -x))
    np.testing.assert_allclose(opposite, 0.0, atol=1e-14 * squares.max())


def test_second_derivatives_are_finite():
    x = jnp.asarray([1.0, 2.0])
    kernel = kernels.ArcCosine(depth=2)
    mixed = jax.jacfwd(jax.grad(kernel.pair), argnums=1)(x, jnp.asarray([0.5, -1.0]))
    assert np.isfinite(mixed).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: kernels.Polynomial(0), "degree must be at least 1, got 0.*linear"),
        (lambda: kernels.Polynomial(-2), "got -2"),
        (lambda: kernels.Polynomial(2, offset=-0.5), "offset must be zero or positive, got -0.5"),
        (lambda: kernels.Polynomial(2, offset=np.nan), "got nan"),
        (lambda: kernels.Polynomial(2, offset=np.ones(3)), r"one number; got shape \(3,\)"),
        (lambda: kernels.ArcCosine(depth=0), "depth must be at least 1, got 0.*hidden layers"),
        (lambda: kernels.NTK(depth=0), "depth must be at least 1, got 0.*hidden layers"),
        (lambda: kernels.NTK(depth=-1), "got -1"),
    ],
)
def test_bad_hyperparameters(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_readable():
    assert repr(kernels.Polynomial(3)) == "Polynomial(degree=3, offset=1)"
    assert repr(kernels.ArcCosine()) == "ArcCosine(depth=1)"
    assert repr(kernels.NTK(depth=4)) == "NTK(depth=4)"
