"""The door of all distances: dtypes, copies, refusals, and the root."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from synthmix_jax.distances import _samples

NARROW = [np.uint8, np.float16, ml_dtypes.bfloat16, np.float32]
WIDE = [np.float64, np.int64, np.int32, np.bool_]


@pytest.mark.parametrize("first", [*NARROW, *WIDE])
@pytest.mark.parametrize("second", [*NARROW, *WIDE])
def test_dtype_of_two(first, second):
    """Float32 only if both are narrow, whatever the flag: the data say what they ask for."""
    expected = np.float32 if first in NARROW and second in NARROW else np.float64
    x, y = np.ones((3, 2), first), np.ones((2, 2), second)
    for flag in (False, True):
        with jax.enable_x64(flag):
            a, b = _samples.paired(x, y)
            assert isinstance(a, np.ndarray)
            assert (a.dtype, b.dtype) == (expected, expected)
            with _samples.precision(a):
                assert jnp.asarray(a).dtype == expected
    np.testing.assert_array_equal(a, np.full((3, 2), 1 / 255 if first == np.uint8 else 1, expected))


def test_jax_arrays_beside_float64():
    x, y = jnp.ones((3, 2)), np.full((2, 2), 1 / 3)
    a, b = _samples.paired(x, y)
    assert (a.dtype, b.dtype) == (np.float64, np.float64)
    np.testing.assert_array_equal(b, y)
    a, b = _samples.paired(jnp.ones((3, 2), int), y.astype(np.float32))
    assert (a.dtype, b.dtype) == (np.float64, np.float64)


def test_in_a_trace_the_flag_decides():
    def dtypes(x, y):
        a, b = _samples.paired(x, y)
        seen.append((a.dtype, b.dtype))
        return a.sum() + b.sum()

    seen = []
    x, y = np.ones((3, 2), np.float32), np.ones((2, 2))
    jax.jit(lambda x: dtypes(x, y))(x)
    jax.jit(lambda x: dtypes(x, x))(x)
    with jax.enable_x64(True):
        jax.jit(lambda x: dtypes(x, y))(x)
        jax.jit(lambda x: dtypes(x, x))(x)
    assert seen == [(np.float32,) * 2, (np.float32,) * 2, (np.float64,) * 2, (np.float32,) * 2]


def test_nothing_is_copied_that_need_not_be():
    x = np.ones((3, 2, 2), np.float32)
    a, b = _samples.paired(x, x[:2])
    assert np.shares_memory(a, x)
    assert np.shares_memory(b, x)
    assert (a.shape, b.shape) == ((3, 4), (2, 4))
    raw, _, dtype = _samples.uncast(x.astype(np.uint8), x)
    assert (raw.dtype, dtype) == (np.uint8, np.float32)
    wide = x.astype(np.float64)
    assert np.shares_memory(_samples.rows("x", wide), wide)


def test_bytes_are_exact_beside_float64():
    x = np.arange(256, dtype=np.uint8)
    a, _ = _samples.paired(x, np.ones(3))
    np.testing.assert_array_equal(a[:, 0], np.arange(256) / 255.0)


def test_refusals_name_the_argument():
    good = np.ones((3, 2))
    with pytest.raises(ValueError, match="synthetic holds 1 non-finite"):
        _samples.paired(good, np.array([[1.0, np.inf]]), names=("real", "synthetic"))
    with pytest.raises(ValueError, match=r"real \(3, 2\) and synthetic \(3, 3\).*2 and 3 features"):
        _samples.paired(good, np.ones((3, 3)), names=("real", "synthetic"))
    with pytest.raises(ValueError, match=r"x has shape \(\): it holds no points"):
        _samples.rows("x", np.float64(3.0))
    with pytest.raises(ValueError, match=r"x has shape \(0, 2\)"):
        _samples.rows("x", good[:0])
    with pytest.raises(ValueError, match="x must be an array of numbers, got str"):
        _samples.rows("x", "text")


@pytest.mark.parametrize("p", [1, 2, 3, 1.5])
def test_root(p):
    with jax.enable_x64(True):
        values = jnp.asarray([4.0, 0.25, 0.0, -1e-17, jnp.nan])
        roots = _samples.root(values, p)
        np.testing.assert_allclose(roots, [4.0 ** (1 / p), 0.25 ** (1 / p), 0, 0, np.nan])
        slope = jax.vmap(jax.grad(lambda v: _samples.root(v, p)))(values)
        expected = [v ** (1 / p - 1) / p for v in (4.0, 0.25)]
        np.testing.assert_allclose(slope[:4], [*expected, 0.0, 0.0], rtol=1e-14)


def test_a_number_leaves_a_trace_as_it_is_and_nothing_else():
    with _samples.precision(np.ones(1)):
        value = _samples.number(jnp.asarray(1 / 3))
    assert isinstance(value, np.ndarray)
    assert (value.dtype, value.shape, float(value)) == (np.float64, (), 1 / 3)
    sums = jax.jit(lambda x: _samples.number(x[0, 0], x))
    assert sums(np.ones((2, 2), np.float32)) == 1.0
    assert np.isnan(sums(np.array([[1.0, np.inf]], np.float32)))
