"""Samples of a flow: its differential equation solved by Diffrax from noise to data."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from synthmix_jax._typing import Array, Key

from . import _flow_network, _given
from ._flow_network import Network

BLOCK = 256
"""Samples solved for at once: what a block needs in memory does not grow with the number asked for."""

_TOLERANCE, _MOST_STEPS, _FIRST_STEP = 1e-3, 1000, 0.05


def sample(flow: Any, labels: Int[Array, " m"], key: Key) -> Float[jax.Array, "m ..."]:
    """Draw one sample of a `Flow` for each label."""
    m, inner = labels.shape[0], _flow_network.inner_shape(flow.shape)
    if m == 0:
        return jnp.zeros((0, *flow.shape), jnp.float32)
    noise = jax.random.normal(key, (m, *inner), jnp.float32)
    # Powers of two: few sizes to compile for.
    block = min(BLOCK, 1 << (m - 1).bit_length())
    number = -(-m // block)
    padded = number * block
    # What fills the last block is noise of its own kind, so that it does not steer adaptive steps.
    noise = jnp.resize(noise, (padded, *inner)).reshape(number, block, *inner)
    wanted = jnp.resize(labels, (padded,)).reshape(number, block)
    one = functools.partial(
        _block,
        flow.params,
        Network(flow.shape, flow.num_classes, flow.config),
        (flow.sampler, flow.sampler_steps, flow.guidance),
    )
    if _given.is_traced(labels, noise, flow.params):
        solved = jax.lax.map(lambda pair: one(*pair), (noise, wanted))
    else:
        solved = jnp.stack([one(*pair) for pair in zip(noise, wanted, strict=True)])
    z = solved.reshape(padded, *inner)[:m]
    x = jnp.clip(flow.mean + flow.scale * z, flow.low, flow.high)
    return x.reshape(m, *flow.shape).astype(jnp.float32)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _block(params, network, how, noise, labels):
    import diffrax

    sampler, steps, guidance = how

    def field(time, x, _):
        return _flow_network.guided(network, params, guidance, x, time, labels)

    if sampler == "heun":
        solver: Any = diffrax.Heun()
        control: Any = diffrax.StepTo(ts=jnp.linspace(0.0, 1.0, steps + 1))
        first = None
    else:
        solver = diffrax.Dopri5()
        control = diffrax.PIDController(rtol=_TOLERANCE, atol=_TOLERANCE)
        first = _FIRST_STEP
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        solver,
        t0=0.0,
        t1=1.0,
        dt0=first,
        y0=noise,
        stepsize_controller=control,
        max_steps=max(_MOST_STEPS, steps + 1),
        throw=False,
    )
    assert solution.ys is not None
    arrived = solution.result == diffrax.RESULTS.successful
    return jnp.where(arrived, solution.ys[-1], jnp.nan)
