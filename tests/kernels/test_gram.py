"""Gram matrices of kernels and functions, at once and in blocks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics.pairwise import laplacian_kernel

from synthmix_jax import kernels


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def plain(x1, x2, width=2.0):
    """A kernel as users write one."""
    return jnp.exp(-((x1[:, None] - x2[None]) ** 2).sum(-1) / (2.0 * width**2))


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(11, 3))


@pytest.mark.parametrize("kernel", [kernels.RBF(2.0), kernels.NTK(depth=2), plain])
@pytest.mark.parametrize("block_size", [None, 1, 4, 11])
def test_blocks_change_nothing(kernel, block_size, x):
    z = x[:5] + 1.0
    matrix = kernels.gram(kernel, x, z, block_size=block_size)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(matrix, kernel(x, z), rtol=1e-13, atol=1e-13)
    alone = kernels.gram(kernel, x, block_size=block_size)
    np.testing.assert_allclose(alone, kernel(x, x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kernel", [kernels.RBF(2.0), plain])
@pytest.mark.parametrize("block_size", [None, 4])
def test_inside_jit_and_grad(kernel, block_size, x):
    run = lambda x: kernels.gram(kernel, x, x[:5], block_size=block_size)
    np.testing.assert_allclose(jax.jit(run)(x), kernel(x, x[:5]), rtol=1e-13)
    slopes = jax.grad(lambda x: run(x).sum())(jnp.asarray(x))
    direct = jax.grad(lambda x: kernel(x, x[:5]).sum())(jnp.asarray(x))
    np.testing.assert_allclose(slopes, direct, atol=1e-12)


@pytest.mark.parametrize("kernel", [kernels.RBF(2.0), plain])
def test_float32_where_x64_is_off(kernel, x):
    with jax.enable_x64(False):
        for block_size in (None, 4):
            assert kernels.gram(kernel, x, block_size=block_size).dtype == np.float32


def test_a_function_of_numpy(x):
    np.testing.assert_allclose(kernels.gram(laplacian_kernel, x), laplacian_kernel(x), rtol=1e-14)


def test_a_function_gets_images_as_they_are(rng):
    images, shapes = rng.integers(0, 256, size=(5, 2, 3), dtype=np.uint8), []

    def seen(x1, x2):
        shapes.append((x1.shape, x2.shape, float(x1.max())))
        return plain(x1.reshape(len(x1), -1), x2.reshape(len(x2), -1))

    matrix = kernels.gram(seen, images, images[:2])
    assert shapes == [((5, 2, 3), (2, 2, 3), images.max() / 255.0)]
    np.testing.assert_allclose(matrix, kernels.RBF(2.0)(images, images[:2]), rtol=1e-12)


def test_a_block_bounds_what_is_held():
    """Besides the result and the data nothing is larger than one block."""
    x = jnp.zeros((1000, 3))
    run = lambda x: kernels.gram(kernels.Matern(1.0), x, block_size=100)
    held = jax.jit(run).lower(x).compile().memory_analysis()
    assert held.temp_size_in_bytes < 8 * 1000 * 1000 / 2


@pytest.mark.parametrize("block_size", [None, 4])
def test_a_function_that_returns_another_shape(block_size, x):
    def diagonal(x1, x2):
        return jnp.ones(x1.shape[0])

    with pytest.raises(ValueError, match=r"diagonal must return shape \(\d+, 11\).*got \(\d+,\)"):
        kernels.gram(diagonal, x, block_size=block_size)


def test_bad_input(x):
    with pytest.raises(ValueError, match=r"x1 .* and x2 .* have 3 and 2 features"):
        kernels.gram(kernels.RBF(1.0), x, x[:, :2])
    with pytest.raises(ValueError, match="block_size must be at least 1, got 0"):
        kernels.gram(kernels.RBF(1.0), x, block_size=0)
    with pytest.raises(ValueError, match="kernel is the class RBF; give one of it"):
        kernels.gram(kernels.RBF, x)
    with pytest.raises(ValueError, match=r"kernel must be a kernel.*got str"):
        kernels.gram("rbf", x)


def test_is_kernel():
    assert kernels.is_kernel(kernels.RBF(1.0))
    assert kernels.is_kernel(plain)
    assert kernels.is_kernel(functools.partial(plain, width=1.0))
    for value in (kernels.RBF, "rbf", None, 1.0):
        assert not kernels.is_kernel(value)


class Callable:
    def __call__(self, x1, x2):
        return plain(x1, x2)


def test_describe():
    here = __name__
    assert kernels.describe(kernels.RBF(3.2)) == "RBF(lengthscale=3.2)"
    assert kernels.describe(plain) == f"{here}.plain"
    assert kernels.describe(functools.partial(plain, width=1.0)) == f"{here}.plain"
    assert kernels.describe(Callable()) == f"{here}.Callable"
    assert kernels.describe(jax.jit(plain)) == f"{here}.plain"
