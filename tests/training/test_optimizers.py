"""Learning rates by formula, and what each optimiser does to matrices, convolutions and biases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.training import Config, _optimizers


def rates(steps, **options):
    config = Config(learning_rate=2.0, **options)
    rate = jax.vmap(lambda i: _optimizers.learning_rate(config, i, jnp.int32(steps)))
    return np.asarray(rate(jnp.arange(steps, dtype=jnp.int32)))


def test_schedules_by_formula():
    done = (np.arange(40) + 0.5) / 40
    fall = (1 - done) / 0.75
    rise = done / 0.25
    np.testing.assert_allclose(rates(40, schedule="constant"), 2.0)
    cosine = np.where(done < 0.25, rise, 0.5 * (1 + np.cos(np.pi * (1 - fall))))
    for name, formula in (("triangular", np.minimum(rise, fall)), ("cosine", cosine)):
        np.testing.assert_allclose(
            rates(40, schedule=name, warmup=0.25), 2 * formula, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("warmup", [0.0, 1.0])
@pytest.mark.parametrize("schedule", ["cosine", "triangular"])
def test_schedules_without_rise_or_fall(schedule, warmup):
    found = rates(10, schedule=schedule, warmup=warmup)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all() if warmup else (np.diff(found) < 0).all()
    assert 0 < found.min() < 0.2
    assert 1.8 < found.max() < 2


def params_and_gradient(rng):
    shapes = {"kernel": (3, 3, 4, 6), "matrix": (8, 5), "bias": (6,), "scale": ()}
    params = {k: jnp.asarray(rng.normal(size=s), jnp.float32) for k, s in shapes.items()}
    gradient = {k: jnp.asarray(rng.normal(size=s), jnp.float32) for k, s in shapes.items()}
    return params, gradient


def update(params, gradient, **options):
    tx = _optimizers.optimizer(Config(**options))
    return tx.update(gradient, tx.init(params), params)[0]


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_decay_is_of_matrices_and_convolutions_alone(name, rng):
    params, gradient = params_and_gradient(rng)
    with_decay, without = (
        update(params, gradient, optimizer=name, weight_decay=d, momentum=0.0) for d in (0.3, 0.0)
    )
    for key, param in params.items():
        expected = -0.3 * param if key in ("kernel", "matrix") else 0 * param
        np.testing.assert_allclose(with_decay[key] - without[key], expected, atol=1e-5)


def test_muon_makes_convolutions_orthogonal_matrices(rng):
    params, gradient = params_and_gradient(rng)
    found = update(params, gradient, optimizer="muon", weight_decay=0.0)
    for key, (rows, columns) in {"kernel": (36, 6), "matrix": (8, 5)}.items():
        matrix = np.asarray(found[key], np.float64).reshape(rows, columns)
        # 0.2 sqrt(max(rows, columns)) times a nearly orthogonal matrix, along minus the gradient.
        singular = np.linalg.svd(matrix, compute_uv=False) / (0.2 * np.sqrt(rows))
        assert 0.6 < singular.min() <= singular.max() < 1.3
        u, _, v = np.linalg.svd(
            np.asarray(gradient[key]).reshape(rows, columns), full_matrices=False
        )
        assert np.sum(-matrix * (u @ v)) / np.linalg.norm(matrix) / np.sqrt(columns) > 0.95
    # Adam's first step, the same for all of a bias, against the gradient.
    step = -np.asarray(found["bias"]) * np.sign(gradient["bias"])
    np.testing.assert_allclose(step, step[0], rtol=1e-3)
    assert step[0] > 0


def test_gradient_is_clipped_as_a_whole(rng):
    params, gradient = params_and_gradient(rng)
    options = {"weight_decay": 0.0, "momentum": 0.0}
    norm = float(np.sqrt(sum(float((g**2).sum()) for g in gradient.values())))
    for limit, factor in ((0.5, 0.5 / norm), (2 * norm, 1.0)):
        found = update(params, gradient, clip_norm=limit, **options)
        for key, g in gradient.items():
            np.testing.assert_allclose(found[key], -factor * g, rtol=1e-4, atol=1e-6)
