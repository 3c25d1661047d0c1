"""Sizes, costs and refusals of single networks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.extend import core as jax_core

from synthmix_jax import models

RNGS = nnx.Rngs(0)


def multiply_adds(function, *arguments):
    """Of the convolutions and products in a function's jaxpr."""
    count = 0
    for equation in _equations(jax.make_jaxpr(function)(*arguments).jaxpr):
        out = math.prod(equation.outvars[0].aval.shape)
        if equation.primitive.name == "conv_general_dilated":
            count += out * math.prod(equation.invars[1].aval.shape[:3])
        elif equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            count += out * math.prod(equation.invars[0].aval.shape[i] for i in contracted)
    return count


def _equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax_core.jaxprs_in_params(equation.params):
            yield from _equations(inner)


def test_small_cnn_costs_at_most_ten_million_multiply_adds_an_image():
    build = lambda x: models.SmallCNN(10, method="native", rngs=nnx.Rngs(0))(x)
    cost = multiply_adds(build, jnp.ones((1, 32, 32, 3)))
    assert 1_000_000 < cost <= 10_000_000


@pytest.mark.parametrize("side", [8, 11, 16, 28, 33])
@pytest.mark.parametrize("model", [models.SmallCNN, models.ResNet9, models.ResNet18])
def test_convolutional_networks_take_any_size_from_eight(model, side):
    widths = (2, 3, 4) if model is models.SmallCNN else (2, 3, 4, 5)
    build = lambda x: model(3, in_channels=1, widths=widths, rngs=nnx.Rngs(0))(x)
    for shape in ((2, side, side + 1, 1), (2, side + 1, side)):
        assert jax.eval_shape(build, jax.ShapeDtypeStruct(shape, np.float32)).shape == (2, 3)


def test_grey_images_need_no_channel_axis():
    model = models.SmallCNN(3, in_channels=1, widths=(2, 3), rngs=nnx.Rngs(0))
    model.eval()
    x = np.random.default_rng(0).normal(size=(2, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(model(x), model(x[..., None]))


def test_methods_of_a_network_agree():
    x = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype(np.float32)
    native, auto = (
        jax.jit(
            lambda x, method=method: models.SmallCNN(
                3, widths=(16, 16), method=method, rngs=nnx.Rngs(0)
            )(x)
        )(x)
        for method in ("native", "auto")
    )
    np.testing.assert_allclose(auto, native, rtol=1e-4, atol=1e-5)


def test_resnet18_has_the_published_number_of_parameters():
    state = jax.eval_shape(lambda: nnx.state(models.ResNet18(10, rngs=nnx.Rngs(0)), nnx.Param))
    # 11,173,962 with ten outputs: He et al.'s blocks behind a 3 x 3 first layer without bias.
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state)) == 11_173_962


def test_positions_tell_patches_apart():
    vit = lambda **options: models.ViTTiny(3, image_size=8, width=12, depth=1, rngs=RNGS, **options)
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    swapped = np.concatenate([x[:, 4:], x[:, :4]], axis=1)
    for model in (vit(), vit(positions="learned")):
        assert np.abs(model(x) - model(swapped)).max() > 1e-4


REFUSED = {
    "no images": (models.SmallCNN, {}, (2, 5), "x must hold images"),
    "too small": (models.SmallCNN, {}, (2, 7, 9, 3), "of 7 x 9 pixels.*at least 8 x 8"),
    "too small, resnet": (models.ResNet9, {"widths": (2, 2, 2, 2)}, (2, 8, 4, 3), "8 x 4 pixels"),
    "grey for colour": (models.SmallCNN, {}, (2, 8, 8), "has 1 channels.*in_channels=1"),
    "vector for another": (models.MLP, {"in_features": 5}, (2, 4), "has 4 features.*in_features=4"),
    "other size": (models.ViTTiny, {"image_size": 8, "depth": 1}, (2, 8, 12, 3), "8 x 12 pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_input_is_refused_with_a_remedy(name):
    model, options, shape, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        model(3, **options, rngs=RNGS)(np.ones(shape, np.float32))


MISBUILT = {
    "outputs": (models.MLP, {"num_outputs": 0, "in_features": 3}, "num_outputs.*got 0"),
    "widths": (models.SmallCNN, {"widths": (4, -1)}, "widths.*got -1"),
    "three widths": (models.ResNet18, {"widths": (4, 4, 4)}, r"four numbers.*\(4, 4, 4\)"),
    "dropout": (models.MLP, {"in_features": 3, "dropout": 1.0}, "dropout.*got 1.0"),
    "patches": (models.ViTTiny, {"image_size": 30}, r"\(30, 30\).*patches of 4 pixels"),
    "heads": (models.ViTTiny, {"heads": 5}, "multiple of heads=5, got 192"),
    "sines": (models.ViTTiny, {"width": 6}, "multiple of 4.*got 6.*'learned'"),
    "positions": (models.ViTTiny, {"positions": "rotary"}, "positions must be.*got 'rotary'"),
}


@pytest.mark.parametrize("name", MISBUILT)
def test_wrong_options_are_refused_with_a_remedy(name):
    model, options, said = MISBUILT[name]
    with pytest.raises(ValueError, match=said):
        model(**{"num_outputs": 3, **options}, rngs=RNGS)
