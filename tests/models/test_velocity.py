"""Velocity fields: shapes, what they are told, and that they begin at zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from synthmix_jax import models
from synthmix_jax.models import _conditioning

CLASSES = 3


def unet(channels=2, **options):
    options = {"widths": (8, 16), "rngs": nnx.Rngs(0), **options}
    return models.VelocityUNet(channels, num_classes=CLASSES, **options)


def mlp(features=5, **options):
    options = {"width": 12, "depth": 2, "rngs": nnx.Rngs(0), **options}
    return models.ResidualMLP(features, num_classes=CLASSES, **options)


FIELDS = {
    "unet, odd sides, two blocks": (lambda **o: unet(blocks=2, **o), (5, 7, 2)),
    "mlp": (mlp, (5,)),
}


@pytest.fixture(params=FIELDS, name="case")
def _case(request, rng):
    make, shape = FIELDS[request.param]
    x = rng.normal(size=(4, *shape)).astype(np.float32)
    return make, x, np.linspace(0.1, 0.9, 4, dtype=np.float32), np.array([0, 1, 2, CLASSES])


def disturbed(model):
    """Every parameter moved, so that no layer is still at its initial zero."""
    graph, params = nnx.split(model)
    rng = np.random.default_rng(1)
    moved = jax.tree.map(
        lambda a: jnp.asarray(a + 0.2 * rng.normal(size=a.shape).astype(np.float32)), params
    )
    return nnx.merge(graph, moved)


def program(model):
    """The model as one program: operation by operation, compilation would take much longer."""
    graph, params = nnx.split(model)
    compiled = jax.jit(lambda p, *a: nnx.merge(graph, p, copy=True)(*a))
    return lambda *arguments: compiled(params, *arguments)


def call(model, *arguments):
    return program(model)(*arguments)


def test_an_untrained_field_is_zero(case):
    make, x, time, labels = case
    out = call(make(), x, time, labels)
    assert out.shape == x.shape
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out, 0.0)


def test_every_point_has_its_own_velocity_time_and_class(case):
    """Rows do not mix, and each of the three inputs matters."""
    make, x, time, labels = case
    model = disturbed(make())
    run = program(model)
    out = np.asarray(run(x, time, labels))
    assert np.isfinite(out).all()
    alone = np.concatenate([run(x[:2], time[:2], labels[:2]), out[2:]])
    np.testing.assert_allclose(out, alone, rtol=1e-4, atol=1e-4 * np.abs(out).max())
    for changed in ((-x, time, labels), (x, 1 - time, labels), (x, time, labels[::-1])):
        other = np.asarray(run(*changed))
        assert (np.abs(other - out).max(axis=tuple(range(1, x.ndim))) > 1e-4).all()


def test_parameters_are_float32_whatever_the_precision(case):
    make, x, time, labels = case
    model = disturbed(make(dtype=jnp.bfloat16))
    assert {a.dtype for a in jax.tree.leaves(nnx.state(model))} == {jnp.dtype(jnp.float32)}
    rough = call(model, x, time, labels)
    assert rough.dtype == jnp.float32
    exact = np.asarray(call(disturbed(make()), x, time, labels))
    # bfloat16 has three digits, of which some layers use up one or two.
    np.testing.assert_allclose(rough, exact, rtol=0.3, atol=0.1 * np.abs(exact).max())


def test_attention_takes_part(rng):
    x, time, labels = rng.normal(size=(1, 4, 4, 2)).astype(np.float32), np.ones(1), np.zeros(1, int)
    model = disturbed(unet(widths=(8,)))
    before = np.asarray(call(model, x, time, labels))
    model.attention.attend.out.kernel[...] = 0.0 * model.attention.attend.out.kernel[...]
    assert np.abs(np.asarray(call(model, x, time, labels)) - before).max() > 1e-3


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("widths", [(8,), (8, 16), (16, 8, 24)])
def test_the_number_of_channels_along_the_way(widths, blocks):
    """Each block takes what the one before it gives; on the way up also what the one across gave."""
    down, up = models._velocity_unet._sizes(widths, blocks)
    given, now = [], widths[0]
    for level in down:
        for before, after in level:
            assert before == now
            given.append(now := after)
    for level in up:
        for before, after in level:
            assert before == now + given.pop()
            now = after
    assert given == []
    assert now == widths[0]


def test_sines_at_known_times():
    """Frequencies 1, 31.6, 1000 for six numbers; seven end with a zero."""
    waves = np.asarray(_conditioning.sines(jnp.array([0.0, 0.5]), 7))
    frequencies = np.array([1.0, np.sqrt(1000.0), 1000.0])
    wanted = np.concatenate([np.sin(0.5 * frequencies), np.cos(0.5 * frequencies), [0.0]])
    np.testing.assert_array_equal(waves[0], [0, 0, 0, 1, 1, 1, 0])
    np.testing.assert_allclose(waves[1], wanted, atol=2e-4)  # the sine of 500 in float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: unet(widths=()), "widths is empty"),
        (lambda: unet(widths=(8, 12)), "multiples of 8, got 12"),
        (lambda: unet(channels=0), "channels must be a whole number"),
        (lambda: unet(blocks=0), "blocks must be a whole number"),
        (lambda: mlp(depth=0), "depth must be a whole number"),
        (lambda: mlp(features=-1), "features must be a whole number"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
