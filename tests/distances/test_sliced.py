"""Sliced Wasserstein: one-dimensional transport against SciPy and POT, directions, paths and memory."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest
import scipy.stats

from synthmix_jax.distances import _sliced, sliced_wasserstein

KEY = jax.random.key(11)
SIZES = [(6, 6), (6, 4), (5, 7), (1, 5), (8, 1), (30, 12)]


def units(count, d, key=KEY):
    directions = np.asarray(_sliced._directions(key, count, d), np.float64)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("p", [1, 2, 3.5])
@pytest.mark.parametrize("sizes", SIZES)
def test_one_feature_is_transport_on_the_line(rng, sizes, p):
    x, y = rng.normal(size=sizes[0]), rng.normal(size=sizes[1]) + 0.3
    expected = ot.wasserstein_1d(x, y, p=p) ** (1 / p)
    np.testing.assert_allclose(sliced_wasserstein(x, y, key=KEY, p=p), expected, rtol=1e-12)
    if p == 1:
        np.testing.assert_allclose(expected, scipy.stats.wasserstein_distance(x, y), rtol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("sizes", SIZES)
def test_is_that_of_pot_with_the_same_directions(rng, sizes, p):
    x, y = rng.normal(size=(sizes[0], 4)), rng.normal(size=(sizes[1], 4)) + 0.3
    expected = ot.sliced_wasserstein_distance(x, y, projections=units(25, 4).T, p=p)
    value = sliced_wasserstein(x, y, key=KEY, num_projections=25, p=p)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 4), (6, 4), (7, 5), (1, 9), (50_000, 49_999)])
def test_pieces_of_both_quantile_functions(sizes):
    n, m = sizes
    i, j, widths = _sliced._merged(n, m)
    i, j = np.arange(n)[i], np.arange(m)[j]
    np.testing.assert_allclose(widths.sum(), 1.0, rtol=1e-12)
    assert len(widths) == n + m - np.gcd(n, m), "equal breakpoints are one"
    assert widths.min() > 0.0
    # Each point has its whole mass in the pieces that are its own.
    np.testing.assert_allclose(np.bincount(i, widths, n), 1.0 / n, rtol=1e-10)
    np.testing.assert_allclose(np.bincount(j, widths, m), 1.0 / m, rtol=1e-10)


def test_translation(rng):
    """Per direction exactly |theta . v|; on average over directions |v|^2 / d."""
    x, shift = rng.normal(size=(20, 6)), np.array([1.0, -2.0, 0.0, 0.5, 0.0, 3.0])
    along = (units(2_000, 6) @ shift) ** 2
    value = sliced_wasserstein(x, x + shift, key=KEY, num_projections=2_000)
    np.testing.assert_allclose(value**2, along.mean(), rtol=1e-12)
    error = along.std() / np.sqrt(2_000)
    assert abs(value**2 - shift @ shift / 6) < 4 * error
    assert error < 0.05 * value**2


def test_turning_the_directions_with_the_samples_changes_nothing(rng, monkeypatch):
    x, y = rng.normal(size=(9, 4)), rng.normal(size=(7, 4)) + 0.3
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    value = sliced_wasserstein(x, y, key=KEY, num_projections=30)
    directions = units(30, 4)
    monkeypatch.setattr(_sliced, "_directions", lambda *_: directions @ turn)
    turned = sliced_wasserstein(x @ turn, y @ turn, key=KEY, num_projections=30)
    np.testing.assert_allclose(turned, value, rtol=1e-12)


def test_directions_are_uniform_and_those_of_the_key():
    theta = units(20_000, 3)
    second = theta.T @ theta / 20_000
    # Var(theta_i^2) = 4 / 45 and Var(theta_i theta_j) = 1 / 15 on the sphere of three dimensions.
    np.testing.assert_allclose(second, np.eye(3) / 3, atol=4 * np.sqrt(0.09 / 20_000))
    np.testing.assert_allclose(theta.mean(axis=0), 0.0, atol=4 / np.sqrt(3 * 20_000))
    assert np.abs(units(5, 3) - units(5, 3, jax.random.key(12))).max() > 0.1
    with jax.enable_x64(True):
        np.testing.assert_array_equal(units(50, 7), units(50, 7))
        wide = units(50, 7)
    np.testing.assert_array_equal(wide, units(50, 7))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("sizes", [(40, 40), (40, 15)])
@pytest.mark.parametrize("p", [1, 2])
def test_host_and_traced_paths_agree(rng, dtype, sizes, p):
    x, y = (rng.integers(0, 255, size=(n, 5)).astype(dtype) for n in sizes)

    def run(x, y):
        return sliced_wasserstein(x, y, key=KEY, num_projections=33, p=p)

    with jax.enable_x64(True):
        traced = jax.jit(run)(x, y)
        rtol = 1e-13 if dtype == np.float64 else 1e-6
        np.testing.assert_allclose(run(x, y), traced, rtol=rtol)
        np.testing.assert_allclose(run(jnp.asarray(x), jnp.asarray(y)), traced, rtol=rtol)
        assert run(x, y).dtype == traced.dtype


@pytest.mark.parametrize("numbers", [1, 100, 330])
def test_blocks_change_nothing(rng, numbers):
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(15, 5)) + 0.3
    with jax.enable_x64(True):
        directions = _sliced._directions(KEY, 33, 5)
        whole = _sliced._sliced_power(x, y, directions, 2)
        blocks = _sliced._sliced_power(x, y, directions, 2, numbers_at_once=numbers)
        slope = jax.grad(_sliced._sliced_power)(x, y, directions, 2)
        other = jax.grad(_sliced._sliced_power)(x, y, directions, 2, numbers_at_once=numbers)
    np.testing.assert_allclose(blocks, whole, rtol=1e-13)
    np.testing.assert_allclose(other, slope, atol=1e-13)
    rows = _sliced._host_projections(x, directions, np.float64, numbers_at_once=numbers)
    np.testing.assert_allclose(rows, units(33, 5) @ x.T, atol=1e-13)


def test_memory_maps_and_bytes_are_read_in_blocks(tmp_path):
    """At a hundredth of 50,000 images: far less than one copy of the rows as floats."""
    n, d, count = 4_000, 3_072, 16
    rows = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(n, d))
    rows[:] = np.random.default_rng(0).integers(0, 256, size=(n, d), dtype=np.uint8)
    other = rows[: n // 2, ::-1]
    sliced_wasserstein(rows[:3], other[:3], key=KEY, num_projections=count)
    tracemalloc.start()
    try:
        value = sliced_wasserstein(rows, other, key=KEY, num_projections=count)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert value > 0.0
    # A block cast, and divided by 255; all projections, and their sorted copies.
    block, projections = 4 * _sliced.NUMBERS_AT_ONCE, 4 * count * 2 * n
    assert held < 3 * block + 2 * projections
    assert 3 * block + 2 * projections < 1.1 * 4 * n * d


def test_memory_of_the_compiled_program_is_that_of_blocks():
    """50,000 images of 3,072 numbers: compiled, not run. All projections at once would be 400 MB."""
    shape = jax.ShapeDtypeStruct((50_000, 3_072), np.float32)
    run = jax.jit(lambda x, y: sliced_wasserstein(x, y, key=KEY))
    held = run.lower(shape, shape).compile().memory_analysis().temp_size_in_bytes
    assert held < 4 * 4 * _sliced.NUMBERS_AT_ONCE


def test_directions_may_be_drawn_inside_a_trace(rng):
    x, y = rng.normal(size=(9, 4)), rng.normal(size=(7, 4))
    with jax.enable_x64(True):
        keys = jax.random.split(KEY, 3)
        many = jax.vmap(lambda key: sliced_wasserstein(x, y, key=key, num_projections=8))(keys)
        one = [sliced_wasserstein(x, y, key=key, num_projections=8) for key in keys]
    np.testing.assert_allclose(many, one, rtol=1e-12)
    assert np.ptp(many) > 0.01


def test_misuse(rng):
    x = rng.normal(size=(5, 2))
    with pytest.raises(ValueError, match=r"p must be at least 1 and finite, got 0\.5"):
        sliced_wasserstein(x, x, key=KEY, p=0.5)
    with pytest.raises(ValueError, match="p must be at least 1 and finite, got nan"):
        sliced_wasserstein(x, x, key=KEY, p=float("nan"))
    with pytest.raises(ValueError, match="num_projections must be a whole number of at least 1"):
        sliced_wasserstein(x, x, key=KEY, num_projections=0)
    with pytest.raises(ValueError, match=r"key must be a PRNG key such as .*, got 0"):
        _sliced._directions(0, 5, 2)
