"""Training of flows: against a plain loop, over devices, after an interruption, on known distributions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax.sharding import Mesh

import synthmix_jax as smx
from synthmix_jax import generators, models
from synthmix_jax.generators import Flow, FlowConfig, _flow_fit

KEY = jax.random.key(5)
SMALL = FlowConfig(steps=60, batch_size=16, width=8, depth=1, widths=(8,), learning_rate=1e-2)


@pytest.fixture
def data(rng):
    """Two classes of vectors; the third number is constant."""
    y = np.arange(40) % 2
    x = rng.normal(size=(40, 3)) + 4.0 * y[:, None]
    x[:, 2] = 7.0
    return smx.Dataset(x, y)


def same(first, second, **tolerance):
    assert first.params.keys() == second.params.keys()
    for name, leaf in first.params.items():
        np.testing.assert_allclose(second.params[name], leaf, err_msg=name, **tolerance)


def test_steps_are_those_of_a_plain_loop(data):
    """The network called by hand, gradients by JAX, Adam and the average written out."""
    problem = _flow_fit.problem(data, SMALL)
    words = np.asarray(jax.random.key_data(KEY))
    seed = jax.random.bits(jax.random.wrap_key_data(words), (), jnp.uint32)
    network = models.ResidualMLP(
        3, num_classes=2, width=8, depth=1, rngs=nnx.Rngs(jax.random.key(seed))
    )
    graph, params = nnx.split(network)
    average, state = params, optax.adam(1e-2).init(params)
    mean, spread = data.x.mean(axis=0), data.x.std(axis=0)
    spread[2] = 1.0

    @jax.jit
    @jax.grad
    def gradient_of(params, given, noise, times, labels):
        between = times[:, None] * given + (1 - times[:, None]) * noise
        wrong = nnx.merge(graph, params, copy=True)(between, times, labels) - (given - noise)
        return (wrong**2).sum() / (16 * 3)

    for step in range(3):
        points = _flow_fit.Points(problem.x, problem.y, problem.unit, words)
        given, noise, times, labels = _flow_fit._batch(problem.network, points, jnp.int32(step))
        stream = jax.random.split(jax.random.fold_in(KEY, step), 5)
        rows = np.asarray(jax.random.randint(stream[0], (16,), 0, 40))
        np.testing.assert_allclose(given, (data.x[rows] - mean) / spread, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(noise, jax.random.normal(stream[1], (16, 3), jnp.float32))
        np.testing.assert_array_equal(times, jax.random.uniform(stream[2], (16,), jnp.float32))
        shown = ~np.asarray(jax.random.bernoulli(stream[3], 0.1, (16,)))
        np.testing.assert_array_equal(labels[~shown], 2)
        np.testing.assert_array_equal(labels[shown], data.y[rows][shown])

        gradient = gradient_of(params, given, noise, times, labels)
        norm = optax.tree.norm(gradient)
        gradient = jax.tree.map(lambda g, norm=norm: g / jnp.maximum(norm, 1.0), gradient)
        update, state = optax.adam(1e-2).update(gradient, state, params)
        params = jax.tree.map(lambda p, u: p + u, params, update)
        decay = min(0.999, (1 + step) / (10 + step))
        average = jax.tree.map(lambda a, p, d=decay: d * a + (1 - d) * p, average, params)
    (flow,) = Flow.ladder(data, lengths=[3], key=KEY, config=SMALL)
    assert flow.steps == 3
    # Adam divides by gradients: rounding of small ones counts.
    for got, wanted in zip(flow.params.values(), jax.tree.leaves(average), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-5)


def test_a_ladder_is_one_training(data):
    first, second = Flow.ladder(data, lengths=[20, 60], key=KEY, config=SMALL)
    same(second, Flow.fit(data, key=KEY, config=SMALL), rtol=0, atol=0)
    (alone,) = Flow.ladder(data, lengths=[20], key=KEY, config=SMALL)
    same(first, alone, rtol=0, atol=0)
    assert (first.steps, second.steps) == (20, 60)
    assert first.seen == second.seen


def test_devices_share_a_batch(data):
    mesh = Mesh(np.array(jax.devices()[:2]), ("anything",))
    same(
        Flow.fit(data, key=KEY, config=SMALL),
        Flow.fit(data, key=KEY, config=SMALL, mesh=mesh),
        rtol=1e-3,
        atol=1e-4,  # other sums, sixty steps of Adam
    )
    with pytest.raises(ValueError, match="batch_size is 15, which 2 devices cannot share evenly"):
        Flow.fit(data, key=KEY, config=dataclasses.replace(SMALL, batch_size=15), mesh=mesh)


class InterruptedTrainingError(Exception):
    pass


def stop_at(step):
    def progress(done, total, what):
        if done >= step:
            raise InterruptedTrainingError

    return progress


@pytest.mark.parametrize("step", [80])
def test_an_interrupted_training_goes_on_with_the_same_numbers(data, tmp_path, monkeypatch, step):
    monkeypatch.setattr(_flow_fit, "_SAVE_EVERY", 0.0)
    lengths = [30, 120]
    whole = Flow.ladder(data, lengths=lengths, key=KEY, config=SMALL)
    arguments = {"lengths": lengths, "key": KEY, "config": SMALL, "workdir": tmp_path / "run"}
    with pytest.raises(InterruptedTrainingError):
        Flow.ladder(data, progress=stop_at(step), **arguments)
    seen = []
    again = Flow.ladder(data, progress=lambda done, *_: seen.append(done), **arguments)
    assert min(seen) > 30  # not from the beginning
    finished = Flow.ladder(data, progress=stop_at(0), **arguments)
    # Longer, and a length in between that was not kept: it begins anew.
    other = Flow.ladder(data, **{**arguments, "lengths": [40, 140]})
    plain = Flow.ladder(data, lengths=[40, 140], key=KEY, config=SMALL)
    for one, two in ((whole, again), (whole, finished), (plain, other)):
        for a, b in zip(one, two, strict=True):
            same(a, b, rtol=0, atol=0)


def test_other_settings_are_refused(data, tmp_path):
    config = dataclasses.replace(SMALL, steps=2)
    Flow.fit(data, key=KEY, config=config, workdir=tmp_path / "run")
    other, renamed = smx.Dataset(data.x + 1e-3, data.y), smx.Dataset(data.x, 1 - data.y)
    for given in (
        {"data": other, "key": KEY, "config": config},
        {"data": renamed, "key": KEY, "config": config},
        {"data": data, "key": jax.random.key(6), "config": config},
        {"data": data, "key": KEY, "config": dataclasses.replace(config, learning_rate=0.1)},
    ):
        with pytest.raises(ValueError, match="other settings"):
            Flow.fit(given.pop("data"), workdir=tmp_path / "run", **given)


@pytest.mark.slow
def test_two_gaussians_are_learned(rng):
    """Means within 0.15, deviations within 15 % of one; the constant stays; wrong classes never."""
    y = np.arange(4000) % 2
    x = np.array([[-3.0, 0.0], [3.0, 1.0]])[y] + rng.normal(size=(4000, 2)) * [1.0, 0.5]
    data = smx.Dataset(np.column_stack([x, np.full(4000, -2.0)]), y)
    config = FlowConfig(steps=1500, batch_size=128, width=64, depth=2, learning_rate=3e-3)
    drawn = generators.draw(Flow.fit(data, key=KEY, config=config), 2000, key=KEY)
    for label in (0, 1):
        one = drawn.x[drawn.y == label]
        np.testing.assert_allclose(one.mean(axis=0)[:2], [[-3, 0], [3, 1]][label], atol=0.15)
        np.testing.assert_allclose(one.std(axis=0)[:2], [1.0, 0.5], rtol=0.15)
        np.testing.assert_array_equal(one[:, 2], -2.0)


@pytest.mark.parametrize(("shape", "dtype"), [((5, 3), np.uint8)])
def test_images(rng, shape, dtype):
    """A U-Net, uint8 as x / 255, samples inside the range of the data, files."""
    x = rng.integers(0, 200, size=(20, *shape)).astype(dtype)
    data = smx.Dataset(x, np.arange(20) % 2)
    config = dataclasses.replace(SMALL, steps=2, flip=True)
    flow = Flow.fit(data, key=KEY, config=config)
    drawn = generators.draw(flow, 6, key=KEY)
    assert drawn.x.shape == (6, *shape)
    assert drawn.x.dtype == np.float32
    top = x.max() / (255.0 if dtype == np.uint8 else 1.0)
    assert drawn.x.min() >= 0.0
    assert drawn.x.max() <= np.float32(top)


def test_images_are_mirrored_as_data_and_not_as_noise(rng):
    images = np.zeros((10, 2, 3), np.float32)
    images[:, :, 0] = 1.0  # bright at the left
    data = smx.Dataset(images, np.zeros(10, int))
    config = dataclasses.replace(SMALL, flip=True, batch_size=200)
    problem = _flow_fit.problem(data, config)
    words = np.asarray(jax.random.key_data(KEY))
    points = _flow_fit.Points(problem.x, problem.y, problem.unit, words)
    given, *_ = _flow_fit._batch(problem.network, points, jnp.int32(0))
    left = np.asarray(given)[:, 0, 0, 0] > 0
    np.testing.assert_array_equal(np.asarray(given)[:, 0, 2, 0] > 0, ~left)
    assert 60 < left.sum() < 140  # half of 200, seven deviations apart


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: smx.Dataset(d.x, d.x[:, 0]), "Flow needs class labels"),
        (lambda d: smx.Dataset(d.x[:3], [0, 0, 1]), "class 1 has fewer than two points"),
        (lambda d: smx.Dataset(1e39 * d.x, d.y), "numbers beyond 3e38"),
        (lambda d: smx.Dataset(d.x, d.y, num_classes=3), "class 2 has fewer than two points"),
    ],
)
def test_data_that_no_flow_fits(data, change, message):
    with pytest.raises(ValueError, match=message):
        Flow.fit(change(data), key=KEY, config=SMALL)


def test_lengths_and_keys_that_make_no_sense(data):
    for lengths in ([0, 5], [5, 5], [6, 5], []):
        with pytest.raises(ValueError, match="lengths must be"):
            Flow.ladder(data, lengths=lengths, key=KEY, config=SMALL)
    with pytest.raises(ValueError, match="key must be a PRNG key"):
        Flow.fit(data, key=jnp.zeros(0), config=SMALL)


def test_a_loss_that_is_not_finite_ends_the_training(data):
    wild = dataclasses.replace(SMALL, learning_rate=1e30)
    with pytest.raises(ValueError, match="the loss was not finite between steps 0 and 50"):
        Flow.fit(data, key=KEY, config=wild)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"average": 1.0}, r"average must lie in \[0, 1\), got 1.0"),
        ({"unlabelled": -0.1}, "unlabelled must lie in"),
        ({"widths": ()}, "widths is empty"),
        ({"widths": (12,)}, "multiples of 8, got 12"),
    ],
)
def test_configurations_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        FlowConfig(**options)
