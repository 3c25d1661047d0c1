"""The velocity field of a flow: parameters by name, and the network they belong to."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from synthmix_jax._typing import Array

from ._flow_config import FlowConfig

Params = dict[str, Any]


class Network(NamedTuple):
    """Which network: hashable, so that programs are compiled once for all flows that share it.

    Attributes:
        shape: Shape of one point.
        num_classes: Classes.
        config: Sizes of the network (and how it is trained).
    """

    shape: tuple[int, ...]
    num_classes: int
    config: FlowConfig


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether points of this shape are images (h, w) or (h, w, c); all others count as vectors."""
    return len(shape) in (2, 3)


def inner_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a point as the network takes it: (h, w, c), or (d,)."""
    if is_image(shape):
        return shape if len(shape) == 3 else (*shape, 1)
    size = 1
    for side in shape:
        size *= side
    return (size,)


def init(network: Network, *, seed: Array) -> Params:
    """Fresh parameters."""
    from flax import nnx

    _, params = nnx.split(_build(network, nnx.Rngs(jax.random.key(seed))))
    return _named(params)


def velocity(
    network: Network,
    params: Params,
    x: Float[Array, "b ..."],
    time: Float[Array, " b"],
    labels: Int[Array, " b"],
) -> Float[jax.Array, "b ..."]:
    """The velocity of points at a time; the label `num_classes` means "of any class"."""
    from flax import nnx

    graph, names, structure = _structure(network)
    state = jax.tree.unflatten(structure, [params[name] for name in names])
    return nnx.merge(graph, state, copy=True)(x, time, labels)


@functools.lru_cache(maxsize=32)
def _structure(network: Network) -> tuple[Any, list, Any]:
    """The network without its parameters, their names in order, and how they are nested."""
    from flax import nnx

    graph, params = nnx.split(nnx.eval_shape(lambda: _build(network, nnx.Rngs(0))))
    return graph, list(_named(params)), jax.tree.structure(params)


def _build(network: Network, rngs: Any) -> Any:
    from synthmix_jax import models

    shape, classes, config = network
    size = inner_shape(shape)[-1]
    if is_image(shape):
        return models.VelocityUNet(
            size, num_classes=classes, widths=config.widths, blocks=config.blocks, rngs=rngs
        )
    return models.ResidualMLP(
        size, num_classes=classes, width=config.width, depth=config.depth, rngs=rngs
    )


def _named(tree: Any) -> Params:
    """Leaves by a name that says where they stand, in the order of the leaves."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {f"{i:03d}{jax.tree_util.keystr(path)}": leaf for i, (path, leaf) in enumerate(paths)}


def guided(
    network: Network,
    params: Params,
    guidance: float,
    x: Float[Array, "b ..."],
    time: Float[Array, ""],
    labels: Int[Array, " b"],
) -> Float[jax.Array, "b ..."]:
    """Velocity with classifier-free guidance: v + guidance (v - v without a class) [ho2022]."""
    field = functools.partial(velocity, network, params)
    times = jnp.full(labels.shape, time, jnp.float32)
    with_class = field(x, times, labels)
    if guidance == 0:
        return with_class
    without = field(x, times, jnp.full_like(labels, network.num_classes))
    return with_class + guidance * (with_class - without)
