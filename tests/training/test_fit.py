"""One network: the population of one, its predictions, and what else takes it."""

import dataclasses
import itertools

import flax.nnx as nnx
import jax
import numpy as np
import pytest
import training_cases as cases

import synthmix_jax as smx


@pytest.mark.parametrize(("kind", "dtype"), [("labels", np.uint8), ("two", np.float32)])
def test_predictions_are_those_that_were_scored(kind, dtype, monkeypatch):
    real, synthetic, test = cases.problem(kind, dtype)
    outputs = 3 if kind == "labels" else 2
    seen = []
    fit = smx.training.fit(
        lambda rngs: cases.Net(rngs, outputs=outputs), real, synthetic, ratio=1.0, seed=1,
        config=cases.CONFIG, test=test, progress=lambda *said: seen.append(said),
    )  # fmt: skip
    assert len(seen) == 1 + cases.CONFIG.evaluations
    from synthmix_jax.training import _fit

    monkeypatch.setattr(_fit, "_BLOCK", 25)
    scores = fit.predict(test.x)
    assert scores.shape == (60, outputs)
    assert scores.dtype == np.float32
    if kind == "labels":
        assert np.mean(scores.argmax(axis=1) != test.y) == fit.result.test_error[0, 0]
        chosen = -jax.nn.log_softmax(scores)[np.arange(60), np.asarray(test.y)]
        np.testing.assert_allclose(np.mean(chosen), fit.result.test_loss[0, 0], rtol=1e-5)
    else:
        squared = np.sum((scores - np.asarray(test.y)) ** 2, axis=1)
        np.testing.assert_allclose(squared.mean(), fit.result.test_error[0, 0], rtol=1e-4)
    np.testing.assert_allclose(scores, fit.model(jax.numpy.asarray(test.x)), rtol=1e-4, atol=1e-4)
    assert fit.predict(test.x[:0]).shape == (0, outputs)
    # The layer that gives the scores has a name, and what it is given are features.
    layer = smx.features.LastLayer(fit.model, layer="network.head")
    features = layer(test.x)
    assert features.shape == (60, 12)
    head = fit.model.network.head
    unit = fit.model.unit
    again = np.asarray(features @ head.kernel[...] + head.bias[...])
    np.testing.assert_allclose(
        again * np.asarray(unit.y_scale[...]) + np.asarray(unit.y_mean[...]),
        scores,
        rtol=1e-3,
        atol=1e-3,
    )


def test_predicting_again_compiles_nothing():
    real, _, test = cases.problem()
    fit = smx.training.fit(cases.Net, real, config=cases.CONFIG)
    assert np.isnan(fit.result.test_error).all()
    first = fit.predict(test.x)
    from jax._src import test_util as counting

    with counting.count_jit_compilation_cache_miss() as compiled:
        np.testing.assert_array_equal(first, fit.predict(test.x))
    assert compiled() == 0


def test_synthetic_points_without_a_ratio_are_not_ignored():
    real, synthetic, _ = cases.problem()
    with pytest.raises(ValueError, match="ratio is missing"):
        smx.training.fit(cases.Net, real, synthetic, config=cases.CONFIG)


def test_fit_resumes_in_its_folder(tmp_path):
    real, synthetic, test = cases.problem()
    config = dataclasses.replace(cases.CONFIG, flip=False, shift=0)
    options = {"ratio": 2.5, "seed": 1, "test": test, "config": config, "workdir": tmp_path}
    one, other = (smx.training.fit(cases.Net, real, synthetic, **options) for _ in range(2))
    cases.same(one.result, other.result)
    assert other.result.log == ("resumed: 1 models were finished",)
    states = [nnx.state(fit.model, (nnx.Param, nnx.BatchStat)) for fit in (one, other)]
    jax.tree.map(np.testing.assert_array_equal, *states)
    np.testing.assert_array_equal(one.predict(test.x), other.predict(test.x))


class Perceptron(nnx.Module):
    """Two hidden layers for digits."""

    def __init__(self, rngs):
        widths = (64, 256, 256)
        self.layers = nnx.List(nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(widths))
        self.norms = nnx.List(nnx.BatchNorm(b, rngs=rngs) for b in widths[1:])
        self.head = nnx.Linear(widths[-1], 10, rngs=rngs)

    def __call__(self, x):
        x = x.reshape(len(x), -1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = nnx.relu(norm(layer(x)))
        return self.head(x)


@pytest.mark.slow
def test_a_small_network_learns_the_digits():
    real = smx.load("digits", split="train")[:1097]
    test = smx.load("digits", split="test")
    config = smx.training.Config(
        steps=2000, num_real=1000, num_validation=97, shift=1, label_smoothing=0.05
    )
    images = smx.Dataset(np.asarray(real.x).reshape(-1, 8, 8), real.y)
    test_images = smx.Dataset(np.asarray(test.x).reshape(-1, 8, 8), test.y)
    fit = smx.training.fit(Perceptron, images, config=config, test=test_images)
    assert fit.result.test_error[0, 0] < 0.03


def test_validation_points_that_are_given_choose_and_nothing_else():
    real, synthetic, test = cases.problem()
    config = dataclasses.replace(cases.CONFIG, num_validation=None, num_real=30)
    options = {"ratio": 1.0, "test": test, "seed": 3, "config": config}
    given = [
        smx.training.fit(cases.Net, real, synthetic, validation=v, **options)
        for v in (test[:25], test[25:40])
    ]
    for fit, rows in zip(given, (test[:25], test[25:40]), strict=True):
        assert (fit.result.num_real, fit.result.num_validation) == (30, len(rows))
        scores = np.argmax(fit.predict(rows.x), axis=1) != rows.y
        np.testing.assert_allclose(fit.result.validation_error, scores.mean(), atol=1e-7)
    # What is trained does not depend on them.
    first, second = (fit.result.history.train_loss for fit in given)
    np.testing.assert_allclose(first, second, rtol=1e-5)
    with pytest.raises(ValueError, match="num_validation is 15, but validation points are given"):
        smx.training.fit(cases.Net, real, config=cases.CONFIG, validation=test)
    narrow = smx.Dataset(test.x[:, :5], test.y)
    with pytest.raises(ValueError, match=r"features differ: .* validation\.x"):
        smx.training.fit(cases.Net, real, config=config, validation=narrow)
