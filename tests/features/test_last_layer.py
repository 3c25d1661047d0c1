"""The last hidden layer against a forward pass by hand; the model stays as it was."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from synthmix_jax.features import LastLayer


class Network(nnx.Module):
    """A layer named so that it comes first by name and last by definition."""

    def __init__(self, *, rngs):
        self.z = nnx.Linear(5, 6, rngs=rngs)
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(6, 7, rngs=rngs), nnx.Linear(7, 8, rngs=rngs)])
        self.a = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        x = self.drop(self.norm(self.z(x)))
        for block in self.blocks:
            x = nnx.relu(block(x))
        return nnx.log_softmax(self.a(x))


@pytest.fixture(name="model")
def _model():
    """Trained a little: running statistics that differ from those of any batch."""
    model = Network(rngs=nnx.Rngs(3))
    for seed in range(3):
        model(jax.random.normal(jax.random.key(seed), (16, 5)) * 2 + 1)
    return model


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(11, 5))


def forward(model, x):
    """The hidden layers one after the other, in float64."""
    value = lambda variable: np.asarray(variable[...], np.float64)
    linear = lambda layer, x: x @ value(layer.kernel) + value(layer.bias)
    x = linear(model.z, x)
    norm = model.norm
    x = (x - value(norm.mean)) / np.sqrt(value(norm.var) + norm.epsilon)
    x = x * value(norm.scale) + value(norm.bias)
    first = np.maximum(linear(model.blocks[0], x), 0.0)
    return x, first, np.maximum(linear(model.blocks[1], first), 0.0)


def test_agrees_with_a_forward_pass_by_hand(model, x):
    assert np.abs(np.asarray(model.norm.mean[...])).max() > 0.01
    normed, first, last = forward(model, x)
    cases = {None: last, "a": last, "blocks.1": first, "blocks.0": normed, "z": x}
    for layer, expected in cases.items():
        rows = LastLayer(model, layer)(x)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-5)


def test_the_last_by_definition_not_by_name(model):
    assert LastLayer(model).layer == "a"
    assert repr(LastLayer(model)) == "LastLayer(Network, layer='a')"
    sequence = nnx.Sequential(*(nnx.Linear(2, 2, rngs=nnx.Rngs(0)) for _ in range(11)))
    assert LastLayer(sequence).layer == "layers.10"


def test_the_model_is_left_alone(model, x):
    before = jax.tree.map(np.array, nnx.to_pure_dict(nnx.state(model, (nnx.Param, nnx.BatchStat))))
    count = int(model.drop.rngs.count[...])
    LastLayer(model)(x)
    after = nnx.to_pure_dict(nnx.state(model, (nnx.Param, nnx.BatchStat)))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    assert int(model.drop.rngs.count[...]) == count
    assert not model.drop.deterministic
    assert not model.norm.use_running_average
    # The layer is its own again: a call in training mode still drops and still computes.
    assert model(jnp.asarray(x, jnp.float32)).shape == (11, 3)


def test_training_further_changes_no_features(model, x):
    function = LastLayer(model)
    before = function(x)
    model.z.kernel[...] = model.z.kernel[...] + 1.0
    np.testing.assert_array_equal(function(x), before)
    # A training step that donates its arguments deletes these buffers.
    for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)):
        leaf.delete()
    np.testing.assert_array_equal(function(x), before)


def test_convolutional_network_on_bytes(rng):
    rngs = nnx.Rngs(0)
    model = nnx.Sequential(
        nnx.Conv(1, 4, (3, 3), rngs=rngs),
        nnx.relu,
        lambda x: x.mean(axis=(1, 2)),
        nnx.Linear(4, 10, rngs=rngs),
    )
    x = rng.integers(0, 256, size=(5, 8, 8, 1), dtype=np.uint8)
    conv = model.layers[0]
    expected = nnx.relu(conv(jnp.asarray(x / 255.0, jnp.float32))).mean(axis=(1, 2))
    np.testing.assert_allclose(LastLayer(model)(x), expected, rtol=1e-5, atol=1e-6)


def test_a_model_that_is_one_layer(x):
    model = nnx.Linear(5, 2, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(LastLayer(model)(x), x.astype(np.float32))


class Odd(nnx.Module):
    """Models whose last layer is used in odd ways."""

    def __init__(self, way):
        self.way = way
        self.first = nnx.Linear(5, 4, rngs=nnx.Rngs(0))
        self.last = nnx.Linear(4, 2, rngs=nnx.Rngs(1))

    def __call__(self, x):
        hidden = self.first(x)
        if self.way == "unused":
            return hidden
        if self.way == "tokens":
            return self.last(hidden[:, None, :].repeat(3, axis=1))
        if self.way == "mixed":
            return self.last(hidden.mean(axis=0, keepdims=True))
        if self.way == "jit":
            return jax.jit(self.last)(hidden)
        return self.last(hidden)


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("unused", "Odd does not use layer 'last'"),
        ("tokens", r"'last' of Odd is given an array of shape \(2, 3, 4\)"),
        ("mixed", r"'last' of Odd is given an array of shape \(1, 4\)"),
        ("jit", "'last' of Odd is called inside a transformation"),
    ],
)
def test_layers_used_in_odd_ways(x, way, message):
    function = LastLayer(Odd(way))
    with pytest.raises(ValueError, match=message):
        function(x)
    assert LastLayer(Odd("plain"))(x).shape == (11, 4)


def test_wrong_input_shape(model):
    with pytest.raises(ValueError, match=r"Network cannot be called with x of shape \(n, 4\)"):
        LastLayer(model)(np.ones((3, 4)))


@pytest.mark.parametrize("model", [len, Network, linen.Dense(3), None])
def test_no_module(model):
    with pytest.raises(ValueError, match=r"model must be a flax.nnx.Module, got"):
        LastLayer(model)


def test_no_linear_layer():
    with pytest.raises(ValueError, match=r"Conv holds no nnx\.Linear"):
        LastLayer(nnx.Conv(1, 2, (3, 3), rngs=nnx.Rngs(0)))


@pytest.mark.parametrize("layer", ["head", "norm", "blocks", 3])
def test_unknown_layer(model, layer):
    with pytest.raises(ValueError, match=f"'z', 'blocks.0', 'blocks.1', 'a'; got {layer!r}"):
        LastLayer(model, layer)


def test_block_size(model):
    with pytest.raises(ValueError, match="block_size must be a whole number at least 1, got 0"):
        LastLayer(model, block_size=0)
