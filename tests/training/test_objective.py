"""Errors and losses of label maps, against counting."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import training_cases as cases
from sklearn.metrics import f1_score

import synthmix_jax as smx
from synthmix_jax.training._objective import masked, objective


@pytest.mark.parametrize("shape", [(5, 6, 4), (5, 4, 3, 2)], ids=["images", "volumes"])
def test_error_is_dice_over_all_pixels_together(rng, shape):
    of = objective(4, dense=True, dice=1.0)
    out, y = rng.normal(size=(*shape, 4)), rng.integers(0, 4, shape)
    inside = np.array([True, True, False, True, True])
    totals = masked(of.sums(jnp.array(out), jnp.array(y), jnp.ones(1)), inside)
    guess = out.argmax(-1)[inside].ravel()
    dice = f1_score(y[inside].ravel(), guess, labels=[1, 2, 3], average="macro")
    assert totals.shape == (of.size,)
    np.testing.assert_allclose(of.error(totals, 4), 1.0 - dice, atol=1e-7)  # float32


def test_of_images_with_nothing_in_them():
    of = objective(2, dense=True, dice=1.0)
    y = jnp.zeros((2, 3, 3), jnp.int32)
    out = jnp.stack([jnp.full((3, 3), 20.0), jnp.full((3, 3), -20.0)], axis=-1)
    right, wrong = out[None], -out[None]  # the second image is taken for foreground throughout
    one = jnp.ones(1)
    np.testing.assert_allclose(of.batch(right, y[:1], one, 0.0), 0.0, atol=1e-6)
    np.testing.assert_allclose(of.batch(wrong, y[:1], one, 0.0), 40.0 + 0.9, rtol=1e-6)
    sums = of.sums(jnp.concatenate([right, wrong]), y, one)
    assert [float(of.error(s, 1)) for s in sums] == [0.0, 1.0]
    np.testing.assert_allclose([of.loss(s, 1) for s in sums], [0.0, 40.9], atol=1e-5)
    without = objective(2, dense=True, dice=0.0)
    np.testing.assert_allclose(without.batch(wrong, y[:1], one, 0.0), 40.0, rtol=1e-6)


def test_a_sweep_of_maps_is_judged_and_keeps_networks():
    config = dataclasses.replace(cases.CONFIG, steps=8, evaluations=2)
    result = cases.sweep(
        cases.MapsNet, kind="maps", ratios=[0.0, 1.0], seeds=3, config=config, keep_models=True
    )
    assert result.dense
    test = cases.problem("maps")[2]
    scores = np.asarray(result.model(1, 2)(np.asarray(test.x)))
    assert scores.shape == (60, 6, 5, 3)
    dice = f1_score(test.y.ravel(), scores.argmax(-1).ravel(), labels=[1, 2], average="macro")
    np.testing.assert_allclose(result.test_error[1, 2], 1.0 - dice, atol=1e-6)
    advice = smx.advice.judge(result)
    assert advice.networks.maps
    assert "one minus Dice" in "".join(advice.summary().split("\n"))


def test_a_network_of_one_score_an_image_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 6, 5, 3\) is needed \(one score a class and pixel"):
        cases.sweep(cases.Net, kind="maps")
