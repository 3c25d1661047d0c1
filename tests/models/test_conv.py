"""Every form of the convolution gives the numbers and gradients of XLA's own."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from synthmix_jax import models

# Image, kernel, stride: what the networks use, and the edges (odd sizes, even kernels, one pixel).
SHAPES = {
    "3x3": ((2, 8, 8, 5), (3, 3, 5, 7), 1),
    "3x3 on an odd image": ((2, 7, 9, 2), (3, 3, 2, 3), 1),
    "3x3 on one pixel": ((1, 1, 2, 3), (3, 3, 3, 2), 1),
    "3x3, stride 2": ((2, 8, 8, 3), (3, 3, 3, 4), 2),
    "3x3, stride 2, odd": ((2, 7, 5, 3), (3, 3, 3, 4), 2),
    "1x1": ((2, 5, 4, 3), (1, 1, 3, 4), 1),
    "1x1, stride 2": ((2, 7, 6, 3), (1, 1, 3, 4), 2),
    "5x5": ((2, 6, 7, 3), (5, 5, 3, 2), 1),
    "2x4": ((2, 6, 7, 3), (2, 4, 3, 2), 1),
    "4x4, stride 2": ((2, 8, 7, 3), (4, 4, 3, 2), 2),
}
VOLUMES = {
    "3x3x3": ((2, 4, 5, 6, 3), (3, 3, 3, 3, 4), 1),
    "3x3x3 on a plane": ((1, 1, 3, 2, 2), (3, 3, 3, 2, 3), 1),
    "1x1x1": ((2, 2, 3, 4, 3), (1, 1, 1, 3, 2), 1),
    "1x1x1, stride 2": ((2, 3, 3, 4, 3), (1, 1, 1, 3, 2), 2),
    "3x3x3, stride 2": ((1, 5, 4, 6, 2), (3, 3, 3, 2, 3), 2),
    "2x3x4": ((1, 4, 5, 6, 2), (2, 3, 4, 2, 3), 1),
}
# Relative to the largest number. Winograd's 6 x 6 transforms multiply by up to 8 and cancel again: some ten
# times the rounding of a plain sum [lavin2016], hence 2e-5 in float32, where the plain sums keep 2e-6.
TOLERANCE = {
    ("patches", "float32"): 2e-6,
    ("winograd", "float32"): 2e-5,
    ("patches", "float64"): 1e-14,
    ("winograd", "float64"): 1e-13,
}


def fits(method, shape, stride):
    return method != "winograd" or (shape[-4:-2] == (3, 3) and stride == 1)


CASES = [
    (name, method, dtype)
    for name, (_, shape, stride) in SHAPES.items()
    for method, dtype in TOLERANCE
    if fits(method, shape, stride)
]
CASES += [
    (name, method, "float64")
    for name, (_, shape, stride) in VOLUMES.items()
    for method in ("patches", "winograd")
    if fits(method, shape, stride)
]


def value_and_gradients(method, stride, x, kernel, dy):
    convolve = models.conv2d if x.ndim == 4 else models.conv3d
    run = lambda x, kernel: convolve(x, kernel, stride=stride, method=method)
    y, pull = jax.vjp(run, x, kernel)
    return y, *pull(dy)


def draw(rng, dtype, *shapes):
    return [jnp.asarray(rng.normal(size=shape), dtype) for shape in shapes]


def compare(name, method, dtype, batched, rng):
    """Values and gradients of three models in one program, the second against native alone."""
    x_shape, kernel_shape, stride = (SHAPES | VOLUMES)[name]
    with jax.enable_x64(dtype == "float64"):
        sides = (-(-side // stride) for side in x_shape[1:-1])
        x, kernels, dy = draw(
            rng, dtype, x_shape, (3, *kernel_shape), (3, x_shape[0], *sides, kernel_shape[-1])
        )
        run = lambda method: functools.partial(value_and_gradients, method, stride, x)
        expected = jax.jit(run("native"))(kernels[1], dy[1])
        for got, alone in zip(jax.jit(batched(run(method)))(kernels, dy), expected, strict=True):
            assert got.dtype == alone.dtype
            atol = TOLERANCE[method, dtype] * np.abs(alone).max()
            np.testing.assert_allclose(got[1], alone, rtol=0, atol=atol)


@pytest.mark.parametrize(("name", "method", "dtype"), CASES)
def test_a_model_under_vmap_agrees_with_native(name, method, dtype, rng):
    compare(name, method, dtype, jax.vmap, rng)


@pytest.mark.parametrize("method", ["patches", "winograd"])
def test_a_model_inside_a_loop_agrees_with_native(method, rng):
    mapped = lambda run: lambda *models: jax.lax.map(lambda model: run(*model), models)
    compare("3x3", method, "float32", mapped, rng)


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (1, 7, 9, 2), (1, 2, 3, 1)])
def test_pooling_agrees_with_reduce_window(shape, rng):
    # Small whole numbers: many ties, of which the gradient takes the first.
    x = jnp.asarray(rng.integers(0, 3, size=shape), jnp.float32)
    slow = lambda x: jax.lax.reduce_window(
        x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
    )
    y, pull = jax.vjp(slow, x)
    got, pull_got = jax.vjp(models.max_pool2, x)
    (dy,) = draw(rng, jnp.float32, y.shape)
    np.testing.assert_array_equal(got, y)
    np.testing.assert_array_equal(pull_got(dy)[0], pull(dy)[0])


def test_pooling_has_the_gradient_of_its_values(rng):
    with jax.enable_x64(True):
        (x,) = draw(rng, jnp.float64, (1, 4, 5, 2))
        pool = lambda x: models.max_pool2(jnp.asarray(x))
        check_grads(pool, (x,), order=1, modes=["rev"], eps=1e-6)


@pytest.mark.parametrize(
    ("method", "stride", "said"),
    [
        ("fft", 1, "method must be one of 'auto', 'native', 'patches', 'winograd', got 'fft'"),
        ("winograd", 2, "needs a 3 x 3 kernel and stride 1, got 3 x 3 and stride 2"),
    ],
)
def test_a_method_that_cannot_serve_is_refused(method, stride, said):
    for convolve, more in ((models.conv2d, ()), (models.conv3d, (3,))):
        kernel = jnp.ones((*more, 3, 3, 2, 2))
        with pytest.raises(ValueError, match=said):
            convolve(jnp.ones((1, *more, 4, 4, 2)), kernel, stride=stride, method=method)


def test_half_precision_is_left_to_patches(rng):
    x, kernel = draw(rng, jnp.bfloat16, (2, 8, 8, 32), (3, 3, 32, 4))
    got, exact = (models.conv2d(x, kernel, method=method) for method in ("auto", "patches"))
    assert got.dtype == jnp.bfloat16
    np.testing.assert_array_equal(got, exact)
