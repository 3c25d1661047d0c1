"""The model axis over all devices of a mesh, of one process or of many.

Models do not talk to each other, so a step needs no collective: every device runs the same program on its own
models (`shard_map`), and holds all points.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where models live.

    Attributes:
        mesh: Devices; all of its axes together hold the models.
        at_once: Models of one device that are batched by `vmap`; the others wait in `lax.map`.
    """

    mesh: Mesh
    at_once: int

    @property
    def num_devices(self) -> int:
        """Devices of the mesh, over all processes."""
        return math.prod(self.mesh.shape.values())

    @property
    def platform(self) -> str:
        """Such as "cpu", "gpu", "tpu"."""
        return self.mesh.devices.flat[0].platform

    def padded(self, number: int) -> int:
        """Models so that each device has equally many."""
        return -(-number // self.num_devices) * self.num_devices

    def spread(self, tree: Any) -> Any:
        """Host arrays with a leading model axis, each device given its own models."""
        return self._place(tree, PartitionSpec(self.mesh.axis_names))

    def repeat(self, tree: Any) -> Any:
        """Host arrays that every device holds whole."""
        return self._place(tree, PartitionSpec())

    def like(self, tree: Any, *, shared: bool) -> Any:
        """Shapes with the sharding that `spread` gives (or `repeat`, for shared ones), to compile for."""
        spec = PartitionSpec() if shared else PartitionSpec(self.mesh.axis_names)
        sharding = NamedSharding(self.mesh, spec)
        return jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding), tree
        )

    def _place(self, tree: Any, spec: PartitionSpec) -> Any:
        sharding = NamedSharding(self.mesh, spec)

        def place(array: Any) -> jax.Array:
            host = np.asarray(array)
            return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

        return jax.tree.map(place, tree)

    def program(self, one: Callable[..., Any], shared: int, donate: bool = False) -> Any:
        """Turn a function of one model into a jitted one of a population.

        Args:
            one: Called with one model's arguments, then with the last `shared` arguments as they are.
            shared: How many arguments all models have in common.
            donate: Whether the first argument's memory may be used for the result.

        Returns:
            The jitted function; its arguments come from `spread`, the last ones from `repeat`.
        """
        models, every = PartitionSpec(self.mesh.axis_names), PartitionSpec()

        def local(*arguments):
            own = arguments[: len(arguments) - shared]
            common = arguments[len(arguments) - shared :]
            number = len(jax.tree.leaves(own)[0])
            if self.at_once >= number > 1:
                return jax.vmap(lambda *a: one(*a, *common))(*own)
            size = None if self.at_once == 1 else self.at_once
            return jax.lax.map(lambda a: one(*a, *common), own, batch_size=size)

        def whole(*arguments):
            specs = (models,) * (len(arguments) - shared) + (every,) * shared
            # Loops start from constants, which the replication check would have marked by hand.
            sharded = jax.shard_map(
                local, mesh=self.mesh, in_specs=specs, out_specs=models, check_vma=False
            )
            return sharded(*arguments)

        return jax.jit(whole, donate_argnums=(0,) if donate else ())


def gather(tree: Any) -> Any:
    """Arrays of a population on the host, all models of all processes; a collective where there are several."""
    if jax.process_count() == 1:
        return jax.tree.map(np.asarray, jax.device_get(tree))
    from jax.experimental import multihost_utils

    return jax.tree.map(
        lambda a: np.asarray(multihost_utils.process_allgather(a, tiled=True)), tree
    )
