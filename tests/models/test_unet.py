"""The U-Net: sizes, whole images after crops, its parts, and that it learns."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from synthmix_jax import models


def unet(channels=1, outputs=2, **options):
    options = {"widths": (4, 8), "fold": 2, "rngs": nnx.Rngs(0), **options}
    return models.UNet(channels, outputs, **options)


def program(model):
    graph, params = nnx.split(model)
    compiled = jax.jit(lambda p, x: nnx.merge(graph, p, copy=True)(x))
    return lambda x: np.asarray(compiled(params, x))


def parameters(**options):
    state = jax.eval_shape(lambda: nnx.state(models.UNet(1, 2, rngs=nnx.Rngs(0), **options)))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state))


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 64, 64, 3)),
        ({}, (1, 181, 217, 3)),
        ({"fold": 1, "blocks": 1}, (2, 5, 1, 3)),
        ({"fold": 3, "widths": (4, 8, 4)}, (2, 7, 20, 3)),
        ({"dims": 3}, (2, 6, 7, 5, 3)),
        ({"dims": 3, "fold": 1, "widths": (4,)}, (1, 3, 1, 2, 3)),
    ],
)
def test_every_pixel_of_any_image_gets_scores(options, shape):
    build = lambda x: unet(3, 5, **options)(x)
    made = jax.eval_shape(build, jax.ShapeDtypeStruct(shape, jnp.float32))
    assert (made.shape, made.dtype) == ((*shape[:-1], 5), jnp.float32)


@pytest.mark.parametrize(("dims", "fold"), [(2, 1), (2, 2), (3, 2)])
def test_the_default_is_small(dims, fold):
    """Counted by hand: convolutions 3^dims a b and 2 b of their norms, reductions a b, the head with bias."""
    taps, block = 3**dims, fold**dims
    pairs = [(block, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)]
    pairs += [(64, 32), (32, 32), (32, 16), (16, 16)]
    by_hand = sum(taps * a * b + 2 * b for a, b in pairs)
    by_hand += 64 * 32 + 32 * 16 + 16 * 2 * block + 2 * block
    assert parameters(dims=dims, fold=fold) == by_hand
    assert dims == 3 or by_hand < 300_000


def test_sides_that_do_not_divide_are_padded_and_cut(rng):
    """By hand: zeros up to a multiple of 2 x 2, the block and the pooling."""
    run = program(unet())
    x = rng.normal(size=(2, 13, 10, 1)).astype(np.float32)
    whole = run(np.pad(x, ((0, 0), (0, 3), (0, 2), (0, 0))))
    np.testing.assert_allclose(run(x), whole[:, :13, :10], atol=1e-6)
    np.testing.assert_array_equal(run(x[..., 0]), run(x))


def test_a_move_by_a_block_of_the_coarsest_level_moves_the_scores(rng):
    """And a smaller one does not: the coarsest level sees blocks of 4 x 4 pixels.

    A pixel reaches 16 others to each side. The spot and the borders keep as far apart, since the normalisation
    sees what all pixels have become.
    """
    run = program(unet())
    spot = rng.normal(size=(1, 8, 8, 1)).astype(np.float32)
    place = lambda by: np.pad(spot, ((0, 0), (44 + by, 44 - by), (44, 44), (0, 0)))
    scores, by_four, by_one = (run(place(by)) for by in (0, 4, 1))
    inside = np.s_[:, 20:72, 20:76]
    np.testing.assert_allclose(np.roll(by_four, -4, axis=1)[inside], scores[inside], atol=2e-5)
    assert np.abs(np.roll(by_one, -1, axis=1)[inside] - scores[inside]).max() > 1e-2


@pytest.mark.parametrize(
    "options", [{"fold": 1}, {"fold": 2, "blocks": 1}], ids=["plain", "folded"]
)
def test_two_crops_are_learnt_by_heart(options, rng):
    """Squares brighter than their surroundings but for noise; in 60 steps of Adam every pixel is right."""
    y = np.zeros((2, 16, 16), int)
    y[0, 3:9, 4:9] = y[1, 9:14, 6:13] = 1
    x = (y + 0.3 * rng.normal(size=y.shape))[..., None].astype(np.float32)
    graph, params = nnx.split(unet(widths=(8, 16), **options))
    adam = optax.adam(0.02)

    def loss(params):
        scores = nnx.merge(graph, params, copy=True)(x)
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean(), scores

    def step(carry, _):
        params, state = carry
        (_, scores), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        update, state = adam.update(gradient, state, params)
        return (optax.apply_updates(params, update), state), (scores.argmax(-1) != y).mean()

    start = (params, adam.init(params))
    wrong = np.asarray(jax.jit(lambda c: jax.lax.scan(step, c, length=60)[1])(start))
    assert wrong[0] > 0.05
    assert wrong[-1] == 0.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dims": 4}, "dims must be 2 for images or 3 for volumes, got 4"),
        ({"widths": ()}, "widths is empty"),
        ({"widths": (4, 6)}, "widths must be multiples of 4, got 6"),
        ({"blocks": 0}, "blocks"),
    ],
)
def test_networks_that_cannot_be_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        unet(**options)


def test_other_inputs_are_refused():
    with pytest.raises(ValueError, match=r"must hold images \(b, h, w, 2\)"):
        unet(2)(jnp.zeros((1, 8)))
    with pytest.raises(ValueError, match="channel"):
        unet(2)(jnp.zeros((1, 8, 8, 3)))
