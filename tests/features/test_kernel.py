"""Kernels of features, and which features stand in when none are named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

import synthmix_jax as smx
from synthmix_jax import features, kernels

CONVOLUTIONS = features.RandomConvolutions(8, (3,))


@pytest.fixture(name="digits")
def _digits():
    digits = load_digits()
    images = np.round(digits.images / 16.0 * 255.0).astype(np.uint8)
    data = smx.Dataset(images, digits.target)
    return data[:40], data[40:60], data[60:80]


def test_is_the_kernel_of_the_features(rng):
    x1, x2 = rng.random((5, 8, 8)), rng.random((4, 8, 8))
    kernel = kernels.RBF(0.7)
    matrix = features.kernel_on(CONVOLUTIONS, kernel)(x1, x2)
    np.testing.assert_array_equal(matrix, kernel(CONVOLUTIONS(x1), CONVOLUTIONS(x2)))


def test_krr_takes_it(digits):
    """The sweep over images equals the sweep over their features."""
    real, synthetic, test = digits
    kernel = kernels.RBF(float(kernels.median_lengthscale(CONVOLUTIONS(real.x))))
    on_images = features.kernel_on(CONVOLUTIONS, kernel)
    options = {"ridges": [1e-3, 1e-1], "counts": [0, 10, 20]}
    result = smx.krr.sweep(real, synthetic, kernel=on_images, test=test, **options)
    rows = [smx.Dataset(CONVOLUTIONS(data.x), data.y) for data in digits]
    expected = smx.krr.sweep(rows[0], rows[1], kernel=kernel, test=rows[2], **options)
    # Features are float32 either way, of x / 255 rounded once or twice; a ridge of 1e-3 amplifies that.
    np.testing.assert_allclose(result.loo_error, expected.loo_error, rtol=1e-3)
    np.testing.assert_allclose(result.test_error, expected.test_error, rtol=1e-3)
    assert (np.asarray(result.loo_error) < 0.9).all()


def test_pixels_change_nothing(digits):
    real, synthetic, _ = digits
    kernel = kernels.RBF(2.0)
    options = {"ridges": [0.1], "counts": [0, 20]}
    plain = smx.krr.sweep(real, synthetic, kernel=kernel, **options)
    pixels = features.kernel_on(features.Pixels(), kernel)
    on_pixels = smx.krr.sweep(real, synthetic, kernel=pixels, **options)
    np.testing.assert_allclose(on_pixels.loo_error, plain.loo_error, rtol=1e-10)


def test_blocks_and_plain_functions(rng):
    x = rng.random((7, 8, 8))
    product = lambda a, b: a @ b.T
    kernel = features.kernel_on(CONVOLUTIONS, product)
    whole = kernels.gram(kernel, x)
    np.testing.assert_allclose(whole, kernels.gram(kernel, x, block_size=3), rtol=1e-5)
    jitted = jax.jit(kernel)(jnp.asarray(x), jnp.asarray(x))
    np.testing.assert_allclose(jitted, whole, rtol=1e-5)


def test_features_of_the_same_points_are_computed_once(rng):
    calls = []
    counting = lambda x: calls.append(len(x)) or x.reshape(len(x), -1)
    kernel = features.kernel_on(counting, kernels.RBF(1.0))
    x = rng.random((5, 4))
    kernel(x, x.copy())
    assert calls == [5]
    other = x.copy()
    other[-1, -1] += 1e-12
    kernel(x, other)
    assert calls == [5, 5, 5]


def test_described_for_reports():
    kernel = features.kernel_on(features.Pixels(), kernels.RBF(2.0))
    assert repr(kernel) == "kernel_on(Pixels(), RBF(lengthscale=2))"
    assert kernels.describe(kernel) == f"features.{kernel!r}"
    assert kernels.is_kernel(kernel)


@pytest.mark.parametrize(
    ("map_", "kernel", "message"),
    [
        (features.Pixels, kernels.RBF(1.0), "features must be .* got the class Pixels"),
        (3, kernels.RBF(1.0), "features must be .* got 3"),
        (features.Pixels(), kernels.RBF, "kernel must be .* got the class RBF"),
        (features.Pixels(), None, "kernel must be .* got None"),
    ],
)
def test_misuse(map_, kernel, message):
    with pytest.raises(ValueError, match=message):
        features.kernel_on(map_, kernel)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((9,), features.AsGiven()),
        ((9, 4), features.AsGiven()),
        ((9, 8, 8), features.RandomConvolutions()),
        ((9, 32, 32, 3), features.RandomConvolutions()),
        ((9, 6, 6, 1), features.RandomConvolutions()),
        ((9, 5, 8), features.Pixels()),
        ((9, 8, 8, 8, 1), features.Pixels()),
    ],
)
def test_default(shape, expected):
    chosen = features.default(np.ones(shape))
    assert type(chosen) is type(expected)
    assert chosen == expected


def test_default_says_which():
    assert repr(features.default(np.ones((3, 2)))) == "the features as given"
    assert repr(features.default(np.ones((3, 8, 8)))).startswith("RandomConvolutions(")
    x = np.arange(6.0)
    np.testing.assert_array_equal(features.AsGiven()(x), x[:, None])
    np.testing.assert_array_equal(features.AsGiven()(x.reshape(3, 2)), x.reshape(3, 2))
