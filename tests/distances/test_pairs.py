"""Means over pairs in blocks: the same as at once, and without the matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.distances._pairs import PAIRS_AT_ONCE, mean_over_pairs


def function(a, b):
    """Not symmetric, and large on the diagonal of a sample against itself."""
    return jnp.exp(a @ b.T) + a[:, :1]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("pairs", [1, 5, 6, 24, 30, 35, 1000])
@pytest.mark.parametrize("sizes", [(7, 5), (5, 7), (1, 5), (6, 1)])
def test_is_the_mean_of_the_matrix(rng, sizes, pairs):
    a, b = (jnp.asarray(rng.normal(size=(n, 3))) for n in sizes)
    value = mean_over_pairs(function, a, b, pairs_at_once=pairs)
    np.testing.assert_allclose(value, function(a, b).mean(), rtol=1e-14)


@pytest.mark.parametrize("pairs", [1, 7, 14, 20, 48, 49])
def test_off_the_diagonal(rng, pairs):
    a = jnp.asarray(rng.normal(size=(7, 3)))
    values = np.asarray(function(a, a))
    expected = (values.sum() - np.trace(values)) / 42
    value = mean_over_pairs(function, a, a, off_diagonal=True, pairs_at_once=pairs)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    # What stands on the diagonal does not come in even where it is no number.
    broken = lambda a, b: jnp.where(a[:, :1] == b[:, 0], jnp.inf, function(a, b))
    value = mean_over_pairs(broken, a, a, off_diagonal=True, pairs_at_once=pairs)
    np.testing.assert_allclose(value, expected, rtol=1e-13)


@pytest.mark.parametrize("pairs", [1, 14, 1000])
def test_gradient(rng, pairs):
    a, b = (jnp.asarray(rng.normal(size=(n, 3))) for n in (7, 5))
    expected = jax.grad(lambda a, b: function(a, b).mean(), argnums=(0, 1))(a, b)
    run = lambda a, b: mean_over_pairs(function, a, b, pairs_at_once=pairs)
    for got, wanted in zip(jax.grad(run, argnums=(0, 1))(a, b), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-13)


@pytest.mark.parametrize("way", [lambda f: f, lambda f: jax.grad(f, argnums=(0, 1))])
def test_memory_is_that_of_blocks(way):
    """50,000 x 50,000 values are 10 GB."""
    shape = jax.ShapeDtypeStruct((50_000, 8), np.float32)
    run = jax.jit(way(lambda a, b: mean_over_pairs(function, a, b)))
    held = run.lower(shape, shape).compile().memory_analysis().temp_size_in_bytes
    assert held < 8 * 4 * PAIRS_AT_ONCE
