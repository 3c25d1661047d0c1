"""A trained network that takes data as they are."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array

from . import _augment


class Standardization(NamedTuple):
    """How inputs and targets were standardised: mean and deviation of each (targets: of regression)."""

    mean: Any
    scale: Any
    y_mean: Any
    y_scale: Any


class Predictor(nnx.Module):
    """A trained network with its standardisation, in evaluation mode.

    Attributes:
        network: What `model` made, trained.
    """

    def __init__(self, network: nnx.Module, unit: Standardization):
        """Args: the trained network, and how its data were standardised."""
        self.network = network
        self.unit = nnx.data(Standardization(*(nnx.Variable(jnp.asarray(a)) for a in unit)))

    def __call__(self, x: Shaped[Array, "b ..."]) -> Float[Array, "b ... k"]:
        """Class scores (b, [height, width,] classes), or targets (b, k) in their own units.

        Args:
            x: Inputs as in the data sets; uint8 counts as x / 255.
        """
        mean, scale, y_mean, y_scale = (value[...] for value in self.unit)
        out: Any = self.network(_augment.standardized(jnp.asarray(x), mean, scale))
        return out.astype(jnp.float32) * y_scale + y_mean
