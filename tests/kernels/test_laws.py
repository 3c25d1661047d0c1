"""Laws every kernel keeps. A new kernel is tested by adding one line to KERNELS."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax import kernels
from synthmix_jax.kernels import Kernel

KERNELS = {
    "rbf": kernels.RBF(1.3),
    "rbf, one lengthscale a feature": kernels.RBF(np.array([0.7, 1.0, 2.0, 3.0])),
    "laplace": kernels.Laplace(2.0),
    "matern 1/2": kernels.Matern(1.5, nu=0.5),
    "matern 3/2": kernels.Matern(1.5),
    "matern 5/2, one a feature": kernels.Matern(np.array([0.7, 1.0, 2.0, 3.0]), nu=2.5),
    "linear": kernels.Polynomial(1, offset=0.0),
    "cubic": kernels.Polynomial(3, offset=0.5),
    "arc-cosine": kernels.ArcCosine(),
    "arc-cosine, 3 layers": kernels.ArcCosine(depth=3),
    "ntk": kernels.NTK(),
    "ntk, 3 layers": kernels.NTK(depth=3),
    "constant": kernels.Constant(2.0),
    "sum": kernels.RBF(1.3) + kernels.Constant(0.5),
    "product": kernels.Matern(1.5) * kernels.Polynomial(2),
    "scaled": 3.0 * kernels.NTK(depth=2),
}
SQUARE = [name for name in KERNELS if "matern" in name or "rbf" in name or name == "laplace"]


@pytest.fixture(params=KERNELS, name="kernel")
def _kernel(request):
    return KERNELS[request.param]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(name="x")
def _x(rng):
    """Generic points, and a zero, a repeated, an opposite and a parallel one."""
    x = rng.normal(size=(12, 4))
    x[8], x[9], x[10], x[11] = 0.0, x[0], -x[1], 2.0 * x[2]
    return x


@pytest.fixture(name="z")
def _z(rng, x):
    return np.concatenate([rng.normal(size=(4, 4)), x[:3]])


def test_the_matrix_agrees_with_single_pairs(kernel, x, z):
    matrix = kernel(x, z)
    assert matrix.dtype == np.float64
    pair = jax.jit(kernel.pair)
    slow = np.array([[pair(a, b) for b in z] for a in x])
    np.testing.assert_allclose(matrix, slow, rtol=1e-12, atol=1e-12 * np.abs(slow).max())
    default = Kernel.of_rows(kernel, jnp.asarray(x), jnp.asarray(z))
    np.testing.assert_allclose(default, slow, rtol=1e-12, atol=1e-12 * np.abs(slow).max())


def test_symmetric(kernel, x, z):
    forward, back = np.asarray(kernel(x, z)), np.asarray(kernel(z, x))
    np.testing.assert_allclose(forward, back.T, atol=1e-13 * np.abs(forward).max())


def test_positive_semi_definite(kernel, rng, x):
    points = np.concatenate([x, rng.normal(size=(40, 4)), 1e-4 * rng.normal(size=(8, 4))])
    matrix = np.asarray(kernel(points, points))
    smallest = np.linalg.eigvalsh((matrix + matrix.T) / 2)[0]
    assert smallest > -1e-10 * np.trace(matrix)


def test_diagonal(kernel, x):
    diagonal = kernel.diagonal(x)
    np.testing.assert_allclose(diagonal, np.diag(kernel(x, x)), rtol=1e-12)
    assert diagonal.shape == (12,)
    assert diagonal.dtype == np.float64


def test_float32_agrees_with_float64(kernel, x, z):
    exact = np.asarray(kernel(x, z))
    with jax.enable_x64(False):
        single = kernel(jnp.asarray(x, jnp.float32), jnp.asarray(z, jnp.float32))
        assert single.dtype == np.float32
        assert kernel(x, z).dtype == np.float32
        assert kernel.diagonal(x).dtype == np.float32
    # Angles beside 0 and pi lose half of the digits; elsewhere 1e-6.
    np.testing.assert_allclose(single, exact, atol=2e-5 * np.abs(exact).max())


def test_images_are_their_flattened_vectors(kernel, x, z):
    images = kernel(x.reshape(12, 2, 2), z.reshape(7, 2, 2, 1))
    np.testing.assert_array_equal(images, kernel(x, z))
    np.testing.assert_array_equal(kernel.diagonal(x.reshape(12, 2, 2)), kernel.diagonal(x))


def test_images_of_bytes_count_from_zero_to_one(kernel, rng):
    bytes_ = rng.integers(0, 256, size=(5, 2, 2), dtype=np.uint8)
    expected = kernel(bytes_ / 255.0, bytes_[:3] / 255.0)
    np.testing.assert_allclose(kernel(bytes_, bytes_[:3]), expected, rtol=1e-12)
    np.testing.assert_allclose(kernel(jnp.asarray(bytes_), bytes_[:3]), expected, rtol=1e-12)


def test_under_jit_as_without(kernel, x, z):
    run = jax.jit(lambda kernel, x, z: (kernel(x, z), kernel.diagonal(x)))
    for jitted, eager in zip(run(kernel, x, z), (kernel(x, z), kernel.diagonal(x)), strict=True):
        np.testing.assert_allclose(jitted, eager, rtol=1e-12, atol=1e-13)


def test_gradient_of_hyperparameters_is_that_of_differences(kernel, x, z):
    weights = np.cos(np.arange(12 * 7).reshape(12, 7))
    leaves, structure = jax.tree.flatten(kernel)
    leaves = [jnp.asarray(leaf, float) for leaf in leaves]

    @jax.jit
    def total(leaves):
        return jnp.sum(weights * jax.tree.unflatten(structure, leaves)(x, z))

    gradient = jax.grad(total)(leaves) if leaves else []
    for i, leaf in enumerate(leaves):
        for entry in np.ndindex(leaf.shape):
            step = 1e-5
            ends = [
                total([*leaves[:i], leaf.at[entry].add(s), *leaves[i + 1 :]]) for s in (step, -step)
            ]
            slope = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(gradient[i][entry], slope, rtol=1e-6, atol=1e-6)


def test_gradient_of_inputs_is_that_of_differences(kernel, rng):
    x, z = jnp.asarray(rng.normal(size=(3, 4))), jnp.asarray(rng.normal(size=(5, 4)))
    weights = np.cos(np.arange(15).reshape(3, 5))

    @jax.jit
    def total(x):
        return jnp.sum(weights * kernel(x, z))

    gradient = jax.grad(total)(x)
    for entry in np.ndindex(x.shape):
        slope = (total(x.at[entry].add(1e-5)) - total(x.at[entry].add(-1e-5))) / 2e-5
        np.testing.assert_allclose(gradient[entry], slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", ["matrix", "pairs"])
def test_gradients_are_finite_at_equal_opposite_and_zero_points(kernel, x, way):
    def total(kernel, x):
        rows = kernel(x, x) if way == "matrix" else Kernel.of_rows(kernel, x, x)
        return jnp.sum(rows) + jnp.sum(kernel.diagonal(x))

    gradients = jax.jit(jax.grad(total, argnums=(0, 1)))(kernel, jnp.asarray(x))
    for leaf in jax.tree.leaves(gradients):
        assert np.isfinite(leaf).all()
    assert np.shape(gradients[1]) == x.shape


def test_pytree_round_trip(kernel, x):
    leaves, structure = jax.tree.flatten(kernel)
    again = jax.tree.unflatten(structure, leaves)
    assert type(again) is type(kernel)
    assert repr(again) == repr(kernel)
    np.testing.assert_array_equal(again(x, x), kernel(x, x))
    # A gradient or a placeholder in a leaf is no misuse.
    jax.tree.map(lambda leaf: -leaf, kernel)
    assert "object" in repr(jax.tree.unflatten(structure, [object()] * len(leaves))) or not leaves


def test_vmap_over_hyperparameters_is_one_by_one(kernel, x, z):
    factors = jnp.asarray([0.5, 1.0, 2.0])
    scale = lambda factor: jax.tree.map(lambda leaf: leaf * factor, kernel)
    together = jax.jit(jax.vmap(lambda factor: scale(factor)(x, z)))(factors)
    for factor, matrix in zip(factors, together, strict=True):
        np.testing.assert_allclose(matrix, scale(factor)(x, z), rtol=1e-11, atol=1e-12)


def test_no_points(kernel, x):
    assert kernel(x[:0], x).shape == (0, 12)
    assert kernel(x, x[:0]).shape == (12, 0)
    assert kernel.diagonal(x[:0]).shape == (0,)


def test_products_are_exact_and_no_array_has_three_dimensions(kernel):
    """TF32 products turn a Gram matrix indefinite; (n, m, d) does not fit for images."""
    x = jnp.ones((6, 4))
    for equation in _equations(jax.make_jaxpr(lambda x: kernel(x, 2.0 * x))(x).jaxpr):
        assert all(len(v.aval.shape) <= 2 for v in equation.outvars)
        if equation.primitive.name == "dot_general":
            assert set(equation.params["precision"]) == {jax.lax.Precision.HIGHEST}


def test_features_that_do_not_fit(kernel, x):
    with pytest.raises(ValueError, match=r"x1 \(12, 4\) and x2 \(5, 3\).*4 and 3 features"):
        kernel(x, np.ones((5, 3)))
    with pytest.raises(ValueError, match="4 and 3 features"):
        jax.jit(kernel.__call__)(x, np.ones((5, 3)))


def test_named_in_one_line(kernel):
    assert "\n" not in repr(kernel)
    assert "object at" not in repr(kernel)
    assert len(repr(kernel)) < 80
    assert kernels.describe(kernel) == repr(kernel)


@pytest.mark.parametrize("name", SQUARE)
def test_far_from_the_origin(name, rng):
    """With an offset of 100 single precision keeps its digits: the data are centred first."""
    kernel = KERNELS[name]
    x = (rng.normal(size=(40, 4)) + 100.0).astype(np.float32)
    exact = np.asarray(kernel(x.astype(float), x.astype(float)))
    with jax.enable_x64(False):
        single = kernel(jnp.asarray(x), jnp.asarray(x))
        # Rounding differs between a call and its compilation, so hold both.
        jitted = jax.jit(kernel.__call__)(jnp.asarray(x), jnp.asarray(x))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, atol=3e-6)
    np.testing.assert_allclose(jitted, exact, atol=3e-6)


def _equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", None)
            if inner is not None:
                yield from _equations(getattr(inner, "jaxpr", inner))
