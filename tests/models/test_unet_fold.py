"""Pixels folded into channels and back, and networks that do so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from synthmix_jax import models
from synthmix_jax.models._resolution import folded as fold_pixels
from synthmix_jax.models._resolution import unfolded


@pytest.mark.parametrize(("sides", "fold"), [((4, 6), 2), ((6, 3), 3), ((4, 2, 6), 2)])
def test_pixels_of_a_square_are_channels_of_one(sides, fold):
    x = jnp.arange(2 * np.prod(sides) * 3).reshape(2, *sides, 3)
    folded = fold_pixels(x, fold)
    assert folded.shape == (2, *(side // fold for side in sides), fold ** len(sides) * 3)
    first = np.asarray(x[(0, *(slice(fold) for _ in sides))])
    np.testing.assert_array_equal(folded[(0, *(0 for _ in sides))], first.ravel())
    np.testing.assert_array_equal(unfolded(folded, fold), x)


@pytest.mark.parametrize(("dims", "sides"), [(2, (9, 6)), (3, (5, 4, 6))])
def test_every_pixel_has_scores_whatever_the_sides(dims, sides):
    net = models.UNet(2, 3, dims=dims, widths=(4, 8), blocks=1, fold=2, rngs=nnx.Rngs(0))
    x = jax.random.normal(jax.random.key(0), (2, *sides, 2))
    scores = net(x)
    assert scores.shape == (2, *sides, 3)
    # Neighbours in one square are told apart.
    assert not np.allclose(scores[0, 0, 0], scores[0, 0, 1])


def test_a_fold_must_be_whole():
    with pytest.raises(ValueError, match="fold"):
        models.UNet(1, 2, fold=0, rngs=nnx.Rngs(0))
