"""The sampler on fields whose flow is known in closed form."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from synthmix_jax.generators import Flow, FlowConfig, Seen, _flow_network, _flow_sampler
from synthmix_jax.generators._flow_network import Network

KEY = jax.random.key(2)
MEANS, SCALES = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32), np.array([0.3, 2.0], np.float32)


@pytest.fixture
def flow(monkeypatch):
    """A flow whose field is that of N(mu, s^2 I) a class, known exactly; of any class, it stands still.

    With x_t = (1 - t) z + t x the mean of x - z given x_t is mu + (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2)
    (x_t - t mu), and the flow takes z to mu + s z.
    """

    def velocity(network, params, x, time, labels):
        means = jnp.concatenate([MEANS, np.zeros((1, 2), np.float32)])[labels]
        s = jnp.append(SCALES, 1.0)[labels][:, None]
        t = time[:, None]
        slope = (t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2)
        known = means + slope * (x - t * means)
        return jnp.where(labels[:, None] == network.num_classes, 0.0, known)

    monkeypatch.setattr(_flow_network, "velocity", velocity)
    _flow_sampler._block.clear_cache()
    yield Flow(
        params={},
        mean=jnp.array([10.0, 0.0]),
        scale=jnp.array([2.0, 0.0]),
        low=jnp.full(2, -jnp.inf),
        high=jnp.full(2, jnp.inf),
        num_classes=2,
        shape=(2,),
        config=FlowConfig(),
        steps=1,
        seen=Seen((2,), (1, 1), np.zeros(2, np.uint64)),
    )
    _flow_sampler._block.clear_cache()


def expected(labels):
    noise = np.asarray(jax.random.normal(KEY, (len(labels), 2), jnp.float32))
    z = MEANS[labels] + SCALES[labels][:, None] * noise
    return np.stack([10.0 + 2.0 * z[:, 0], np.zeros(len(labels))], axis=1)


@pytest.mark.parametrize("count", [1, 5, 256, 300])
def test_noise_ends_where_the_closed_form_says(flow, count):
    labels = np.arange(count) % 2
    found = dataclasses.replace(flow, sampler_steps=200).sample(labels, key=KEY)
    np.testing.assert_allclose(found, expected(labels), atol=2e-3)


def test_heun_is_of_second_order(flow):
    labels = np.arange(32) % 2
    errors = [
        np.abs(
            dataclasses.replace(flow, sampler_steps=n).sample(labels, key=KEY) - expected(labels)
        )
        for n in (20, 40, 80)
    ]
    ratios = [a.max() / b.max() for a, b in itertools.pairwise(errors)]
    assert all(3.0 < ratio < 5.5 for ratio in ratios), ratios


def test_the_adaptive_sampler_keeps_its_tolerance(flow):
    labels = np.arange(40) % 2
    found = dataclasses.replace(flow, sampler="adaptive").sample(labels, key=KEY)
    # 1e-3 relative to numbers of up to about ten, over the whole way.
    np.testing.assert_allclose(found, expected(labels), atol=0.05)
    assert not np.array_equal(found, flow.sample(labels, key=KEY))


def test_guidance_adds_the_difference_to_no_class(flow):
    """Where the field of no class is zero, guidance g multiplies the field by 1 + g."""
    noise = jnp.asarray([[0.3, -0.1]], jnp.float32)
    arguments = (Network((2,), 2, FlowConfig()), {})
    label, time = jnp.array([1]), jnp.float32(0.4)
    plain, strong = (_flow_network.guided(*arguments, g, noise, time, label) for g in (0.0, 1.5))
    np.testing.assert_allclose(strong, 2.5 * plain, rtol=1e-6)


def test_guided_samples_follow_the_guided_field(flow):
    """The field of no class is zero: guidance 1 doubles the field, here solved by SciPy."""
    noise = np.asarray(jax.random.normal(KEY, (1, 2), jnp.float32))[0]
    s, mu = float(SCALES[0]), MEANS[0]

    def doubled(t, x):
        slope = (t * s**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * s**2)
        return 2.0 * (mu + slope * (x - t * mu))

    end = integrate.solve_ivp(doubled, (0.0, 1.0), noise, rtol=1e-8, atol=1e-8).y[:, -1]
    strong = dataclasses.replace(flow, guidance=1.0, sampler_steps=400)
    x = np.asarray(strong.sample(np.array([0]), key=KEY))[0]
    np.testing.assert_allclose(x[0], 10.0 + 2.0 * end[0], atol=5e-3)


def test_guidance_needs_points_without_a_class(flow):
    blind = dataclasses.replace(flow, config=FlowConfig(unlabelled=0.0))
    with pytest.raises(
        ValueError, match="guidance is 1, but the flow was trained with unlabelled=0"
    ):
        dataclasses.replace(blind, guidance=1.0)


def test_a_traced_call_gives_the_same(flow):
    labels = np.arange(300) % 2
    plain = flow.sample(labels, key=KEY)
    traced = jax.jit(lambda flow, labels, key: flow.sample(labels, key=key))(flow, labels, KEY)
    np.testing.assert_allclose(traced, plain, atol=1e-4)
    assert flow.sample(labels[:0], key=KEY).shape == (0, 2)


def test_images_are_clipped_to_the_range_of_the_data(flow):
    bounded = dataclasses.replace(flow, low=jnp.array([9.0, 0.0]), high=jnp.array([11.0, 1.0]))
    x = np.asarray(bounded.sample(np.arange(64) % 2, key=KEY))
    np.testing.assert_allclose(
        x, np.clip(np.asarray(flow.sample(np.arange(64) % 2, key=KEY)), [9.0, 0.0], [11.0, 1.0])
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampler_steps": 0}, "sampler_steps must be at least 1, got 0"),
        ({"guidance": -1.0}, "guidance must be zero or more and finite, got -1.0"),
        ({"guidance": np.nan}, "guidance must be zero or more and finite, got nan"),
    ],
)
def test_refusals(flow, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(flow, **changes)


def test_labels_never_seen(flow):
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.1"):
        flow.sample(np.array([0, 2]), key=KEY)
