"""Laws every model keeps. A new model is tested by adding one line to MODELS."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from synthmix_jax import models

IMAGE = (8, 8, 3)
MODELS = {
    "mlp": functools.partial(models.MLP, in_features=192, widths=(8, 6)),
    "mlp, dropout": functools.partial(models.MLP, in_features=192, widths=(8,), dropout=0.5),
    "linear": functools.partial(models.MLP, in_features=192, widths=()),
    "small_cnn": functools.partial(models.SmallCNN, widths=(4, 16, 6)),
    "resnet9": functools.partial(models.ResNet9, widths=(2, 3, 4, 5)),
    "vit_tiny": functools.partial(models.ViTTiny, image_size=8, width=12, depth=2, heads=3),
    "vit_tiny, learned, cls, dropout": functools.partial(
        models.ViTTiny,
        image_size=8,
        width=12,
        depth=1,
        heads=3,
        positions="learned",
        pooling="cls",
        dropout=0.5,
    ),
    "unet": functools.partial(models.UNet, 3, widths=(4, 8)),
}


@pytest.fixture(params=MODELS, name="make")
def _make(request):
    return lambda rngs, **options: MODELS[request.param](4, **options, rngs=rngs)


@pytest.fixture(name="x")
def _x(rng):
    return rng.normal(size=(5, *IMAGE)).astype(np.float32)


def apply(graphdef, state, x):
    model = nnx.merge(graphdef, state, copy=True)
    return model(x), nnx.state(model)


def test_a_model_of_a_population_equals_the_same_model_alone(make, x):
    """Initialised, called and differentiated under vmap, in training mode."""
    keys = jax.random.split(jax.random.key(3), 2)
    population = jax.jit(jax.vmap(lambda key: nnx.split(make(nnx.Rngs(key)))[1]))(keys)
    graphdef, alone = nnx.split(make(nnx.Rngs(keys[1])))
    second = jax.tree.map(lambda leaf: leaf[1], population)
    for a, b in zip(jax.tree.leaves(second), jax.tree.leaves(alone), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)

    def step(state):
        graph, params, rest = nnx.split(nnx.merge(graphdef, state, copy=True), nnx.Param, ...)

        def loss(params):
            scores, after = apply(graph, nnx.merge_state(params, rest), x)
            return (scores**2).mean(), nnx.filter_state(after, nnx.BatchStat)

        return jax.value_and_grad(loss, has_aux=True)(params)

    expected = jax.tree.leaves(jax.jit(step)(second))
    # Rounding only. Batch normalisation of five images amplifies it, and its scale-free weights have
    # gradients near zero; Winograd's rounding is some ten times that of plain sums.
    for got, one in zip(
        jax.tree.leaves(jax.jit(jax.vmap(step))(population)), expected, strict=True
    ):
        np.testing.assert_allclose(got[1], one, rtol=2e-3, atol=2e-4)


def test_outputs_and_parameters_are_float32_whatever_the_precision(make, x):
    for dtype in (None, jnp.bfloat16):
        model = make(nnx.Rngs(0), dtype=dtype)
        kinds = {v[...].dtype for _, v in nnx.iter_graph(model) if isinstance(v, nnx.Param)}
        kinds |= {v[...].dtype for _, v in nnx.iter_graph(model) if isinstance(v, nnx.BatchStat)}
        assert kinds == {jnp.dtype(jnp.float32)}
        graphdef, state = nnx.split(model)
        scores = jax.jit(functools.partial(apply, graphdef))(state, x)
        assert scores[0].shape == (5, *(IMAGE[:2] if isinstance(model, models.UNet) else ()), 4)
        assert {
            leaf.dtype for leaf in jax.tree.leaves(nnx.filter_state(scores[1], nnx.BatchStat))
        } <= kinds
        assert scores[0].dtype == jnp.float32
        assert np.isfinite(scores[0]).all()


def test_half_precision_is_near(make, x):
    outputs = []
    for dtype in (jnp.float32, jnp.bfloat16):
        model = make(nnx.Rngs(0), dtype=dtype)
        model.eval()
        outputs.append(np.asarray(jax.jit(lambda x, model=model: model(x))(x)))
    # bfloat16 keeps eight bits: 0.4 % a rounding, and a few roundings a layer.
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=0, atol=0.1 * np.abs(outputs[0]).max())


def test_evaluation_takes_points_one_by_one_and_changes_nothing(make, x):
    model = make(nnx.Rngs(0))
    model.eval()
    graphdef, state = nnx.split(model)
    run = jax.jit(functools.partial(apply, graphdef))
    together, after = run(state, x)
    for got, before in zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True):
        assert (got == before).all()
    few, _ = run(state, x[2:3])
    np.testing.assert_allclose(few[0], together[2], rtol=1e-4, atol=1e-5)


def test_training_mode_moves_statistics_and_draws_dropout(make, x):
    graphdef, state = nnx.split(make(nnx.Rngs(0)))
    kinds = {type(v) for _, v in nnx.iter_graph(nnx.merge(graphdef, state))}
    run = jax.jit(functools.partial(apply, graphdef))
    first, state = run(state, x)
    second, state = run(state, x)
    assert (nnx.RngKey in kinds) == (not np.array_equal(first, second))
    if nnx.BatchStat in kinds:
        statistics = jax.tree.leaves(nnx.filter_state(state, nnx.BatchStat))
        assert all(not np.isin(leaf, (0.0, 1.0)).all() for leaf in statistics)


def test_bytes_count_as_fractions_of_255(make):
    model = make(nnx.Rngs(0))
    model.eval()
    x = np.random.default_rng(0).integers(0, 256, (2, *IMAGE), dtype=np.uint8)
    run = jax.jit(functools.partial(apply, *nnx.split(model)))
    scores, floats = run(x)[0], run(x.astype(np.float32) / 255)[0]
    np.testing.assert_allclose(scores, floats, rtol=1e-4, atol=1e-5)


def test_other_channels_are_refused(make):
    with pytest.raises(ValueError, match=r"Build it with in_(channels|features)="):
        make(nnx.Rngs(0))(np.ones((2, 8, 8, 4), np.float32))


def test_the_head_is_a_linear_layer(make):
    assert isinstance(make(nnx.Rngs(0)).head, nnx.Linear)
