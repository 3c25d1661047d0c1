"""Optimisers from optax, and the learning rate as a function of data.

The number of steps of a model is data (ratios with a fixed number of epochs differ in it), so the schedule is
computed from (step, number of steps) instead of being built into the optimiser.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Int

from synthmix_jax._typing import Array

from ._config import Config

# Muon's orthogonalised updates, scaled to the root mean square of Adam's, so that one learning rate serves both
# the matrices and the rest; Liu et al., arXiv 2502.16982.
_MUON_RMS = 0.2


def optimizer(config: Config) -> optax.GradientTransformation:
    """The optimiser for a learning rate of one: its updates are multiplied by `learning_rate`."""
    parts = [] if config.clip_norm is None else [optax.clip_by_global_norm(config.clip_norm)]
    decay = optax.add_decayed_weights(config.weight_decay, mask=_matrices)
    if config.optimizer == "sgd":
        parts += [decay, optax.trace(config.momentum, nesterov=True), optax.scale(-1.0)]
    elif config.optimizer == "adamw":
        parts += [optax.scale_by_adam(), decay, optax.scale(-1.0)]
    else:
        muon = optax.contrib.muon(
            learning_rate=1.0,
            beta=config.momentum,
            weight_decay=config.weight_decay,
            consistent_rms=_MUON_RMS,
            muon_weight_dimension_numbers=_as_matrices,
        )
        parts.append(muon)
    return optax.chain(*parts)


def learning_rate(
    config: Config, step: Int[Array, ""], num_steps: Int[Array, ""]
) -> Float[jax.Array, ""]:
    """Learning rate of step number `step` (from 0) of `num_steps`."""
    peak = jnp.float32(config.learning_rate)
    if config.schedule == "constant":
        return peak
    done = (step.astype(jnp.float32) + 0.5) / num_steps.astype(jnp.float32)
    warmup = jnp.float32(config.warmup)
    left = jnp.clip((1.0 - done) / jnp.maximum(1.0 - warmup, 1e-6), 0.0, 1.0)
    fall = left if config.schedule == "triangular" else 0.5 * (1.0 - jnp.cos(jnp.pi * left))
    rise = done / jnp.maximum(warmup, 1e-6)
    return peak * jnp.where(done < warmup, rise, fall)


def _matrices(params: Any) -> Any:
    return jax.tree.map(lambda p: p.ndim >= 2, params)


def _as_matrices(params: Any) -> Any:
    """How Muon sees a parameter: all but the last axis are inputs; None leaves it to Adam."""

    def shape(p: jax.Array) -> Any:
        if p.ndim < 2:
            return None
        return optax.contrib.MuonDimensionNumbers(tuple(range(p.ndim - 1)), p.ndim - 1)

    return jax.tree.map(shape, params)
