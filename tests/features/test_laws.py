"""Laws every feature map keeps. A new map is tested by adding one line to FEATURES."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from synthmix_jax import features


class Network(nnx.Module):
    def __init__(self, *, rngs):
        self.hidden = nnx.Linear(8 * 8 * 3, 6, rngs=rngs)
        self.head = nnx.Linear(6, 4, rngs=rngs)

    def __call__(self, x):
        return self.head(jnp.tanh(self.hidden(x.reshape(x.shape[0], -1))))


FITTED_ON = np.random.default_rng(7).random((30, 8, 8, 3))
FEATURES = {
    "pixels": (features.Pixels(), 192),
    "as given": (features.AsGiven(), 192),
    "pca": (features.PCA.fit(FITTED_ON, 5), 5),
    "pca, whitened": (features.PCA.fit(FITTED_ON, 5, whiten=True), 5),
    "random convolutions": (features.RandomConvolutions(), 524),
    "random convolutions, blocks": (features.RandomConvolutions(4, (3,), block_size=3), 44),
    "random convolutions, grid of 3": (features.RandomConvolutions(4, 2, grid=3, seed=1), 99),
    "last layer": (features.LastLayer(Network(rngs=nnx.Rngs(0))), 6),
    "last layer, blocks": (features.LastLayer(Network(rngs=nnx.Rngs(0)), block_size=3), 6),
}
# Rounding of float32 beside values of order one, of sums of up to 192 terms.
SINGLE = {"rtol": 2e-5, "atol": 2e-5}


@pytest.fixture(params=FEATURES, name="case")
def _case(request):
    return FEATURES[request.param]


@pytest.fixture(name="bytes_")
def _bytes(rng):
    return rng.integers(0, 256, size=(7, 8, 8, 3), dtype=np.uint8)


def test_one_row_a_point(case, bytes_):
    function, width = case
    for n in (1, 4, 7):
        rows = function(bytes_[:n])
        assert rows.shape == (n, width)
        assert np.isfinite(rows).all()
        assert np.std(rows) > 0.01


def test_bytes_count_from_zero_to_one(case, bytes_):
    function, _ = case
    np.testing.assert_allclose(function(bytes_), function(bytes_ / 255.0), **SINGLE)
    np.testing.assert_allclose(function(jnp.asarray(bytes_)), function(bytes_), **SINGLE)


def test_float32_agrees_with_float64(case, bytes_):
    function, _ = case
    exact = function(bytes_ / 255.0)
    narrow = function((bytes_ / 255.0).astype(np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, exact, **SINGLE)


def test_the_callers_precision_changes_nothing(case, bytes_):
    function, _ = case
    outside = function(bytes_ / 255.0)
    with jax.enable_x64(True):
        inside = function(bytes_ / 255.0)
    assert inside.dtype == outside.dtype
    np.testing.assert_array_equal(inside, outside)


def test_a_row_does_not_depend_on_the_others(case, bytes_):
    function, _ = case
    together = function(bytes_)
    alone = np.concatenate([function(bytes_[i : i + 1]) for i in range(7)])
    np.testing.assert_allclose(alone, together, **SINGLE)
    changed = bytes_.copy()
    changed[1:] = 255 - changed[1:]
    np.testing.assert_allclose(function(changed)[0], together[0], **SINGLE)
    assert np.abs(function(changed)[1:] - together[1:]).max() > 1e-3


@pytest.mark.parametrize("x64", [False, True])
def test_jit_and_vmap_as_eager(case, bytes_, x64):
    function, _ = case
    with jax.enable_x64(x64):
        for x in (jnp.asarray(bytes_), jnp.asarray(bytes_ / 255.0)):
            eager = function(x)
            np.testing.assert_allclose(jax.jit(function)(x), eager, **SINGLE)
            single = jax.jit(jax.vmap(lambda point: function(point[None])[0]))
            np.testing.assert_allclose(single(x), eager, **SINGLE)


def test_gradient_is_that_of_differences(case, bytes_):
    function, width = case
    weights = np.cos(np.arange(width))
    with jax.enable_x64(True):
        x = jnp.asarray(bytes_[:2] / 255.0)
        total = jax.jit(lambda x: jnp.sum(function(x) * weights))
        gradient = jax.grad(total)(x)
        step = jnp.asarray(np.cos(np.arange(x.size)).reshape(x.shape))
        # A step that float32 resolves; across a kink of the rectifier slopes differ a little.
        slope = (total(x + 1e-3 * step) - total(x - 1e-3 * step)) / 2e-3
    assert np.isfinite(gradient).all()
    expected = np.vdot(gradient, step)
    np.testing.assert_allclose(slope, expected, rtol=0.02, atol=0.02)


def test_arrays_stay_of_their_kind(case, bytes_):
    function, _ = case
    assert isinstance(function(bytes_), np.ndarray)
    assert isinstance(function(jnp.asarray(bytes_)), jax.Array)


def test_input_is_left_alone(case, bytes_):
    function, _ = case
    x = bytes_ / 255.0
    before = x.copy()
    function(x)
    np.testing.assert_array_equal(x, before)


def test_products_are_exact(case, bytes_):
    """Also those of the network, which names no precision of its own."""
    function, _ = case
    jaxpr = jax.make_jaxpr(function)(jnp.asarray(bytes_))
    for equation in _equations(jaxpr.jaxpr):
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            assert set(equation.params["precision"]) == {jax.lax.Precision.HIGHEST}


def _equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", None)
            if inner is not None:
                yield from _equations(getattr(inner, "jaxpr", inner))


def test_named_in_one_line(case):
    function, _ = case
    assert "\n" not in repr(function)
    assert "object at" not in repr(function)
    assert len(repr(function)) < 90


def test_frozen(case):
    function, _ = case
    with pytest.raises(AttributeError):
        function.anything = 1


def test_misuse(case, bytes_):
    function, _ = case
    x = bytes_ / 255.0
    with pytest.raises(ValueError, match=r"x has shape \(0, 8, 8, 3\).*at least one row"):
        function(x[:0])
    x[2, 0, 1, 0] = np.nan
    with pytest.raises(ValueError, match=r"x holds 1 non-finite.*\(2, 0, 1, 0\)"):
        function(x)
    with pytest.raises(ValueError, match="complex"):
        function(x.astype(complex))
