"""A perceptron with hidden layers, for vectors and for images taken as vectors."""

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Float, Shaped

from synthmix_jax._typing import Array

from ._inputs import compute_dtype, positive, scaled


class MLP(nnx.Module):
    """Linear layers with ReLU between them, after flattening.

    Args:
        num_outputs: Classes, or regression targets.
        in_features: Numbers in one point, height x width x channels of an image.
        widths: Units of each hidden layer; empty for a linear model.
        dropout: Probability that a hidden unit is set to zero in training.
        dtype: Of the computation; None for bfloat16 on accelerators and float32 on CPUs.
        rngs: Streams "params", and "dropout" where it is used.

    Raises:
        ValueError: a number below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        in_features: int,
        widths: Sequence[int] = (256, 256),
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        rngs: nnx.Rngs,
    ) -> None:
        positive(num_outputs=num_outputs, in_features=in_features)
        for width in widths:
            positive(widths=width)
        self.in_features = in_features
        self.dtype = compute_dtype(dtype)
        sizes = (in_features, *widths)
        he = nnx.initializers.he_normal()
        self.layers = nnx.List(
            nnx.Linear(a, b, dtype=self.dtype, kernel_init=he, rngs=rngs)
            for a, b in itertools.pairwise(sizes)
        )
        self.dropout = dropout_layer(dropout, rngs)
        self.head = nnx.Linear(sizes[-1], num_outputs, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: Shaped[Array, "b ..."]) -> Float[Array, "b k"]:
        """Outputs in float32, one row for each point.

        Args:
            x: Points (b, ...) of `in_features` numbers each; uint8 counts as x / 255.

        Returns:
            Class scores or regression outputs (b, num_outputs).

        Raises:
            ValueError: another number of features.
        """
        features = math.prod(x.shape[1:])
        if x.ndim < 2 or features != self.in_features:
            raise ValueError(
                f"x has {features} features a point (shape {x.shape}) but the model was built for "
                f"{self.in_features}. Build it with in_features={features}."
            )
        x = scaled(x.reshape(x.shape[0], features), self.dtype)
        for layer in self.layers:
            x = self.dropout(jax.nn.relu(layer(x)))
        return self.head(x)


def dropout_layer(rate: float, rngs: nnx.Rngs) -> nnx.Dropout:
    """Dropout that holds a stream of random numbers only where it needs one.

    Raises:
        ValueError: a probability outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout must be a probability of at least 0 and below 1, got {rate!r}.")
    return nnx.Dropout(rate, rngs=rngs if rate else None)
