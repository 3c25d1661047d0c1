"""Arrays on the devices of a mesh, of one process or of many, and back on the host.

A mesh for regression has axes "rows" (data, or the rows of a matrix) and "grid" (cells that do not talk to each
other); one of them may be missing, which is the same as one device along it.
"""

from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

ROWS, GRID = "rows", "grid"


def check_mesh(mesh: Any) -> Mesh:
    """A mesh over "rows" and "grid", both present, with axes that `shard_map` takes by hand.

    Raises:
        ValueError: no mesh, or one with other axes; the message says how to make one.
    """
    remedy = 'Make one by jax.make_mesh((2, 4), ("rows", "grid")), or with one of the two axes.'
    if not isinstance(mesh, Mesh):
        raise ValueError(f"mesh must be a jax.sharding.Mesh, got {type(mesh).__name__}. {remedy}")
    other = [name for name in mesh.axis_names if name not in (ROWS, GRID)]
    if other or mesh.empty:
        raise ValueError(
            f'mesh has axes {tuple(mesh.axis_names)}; "rows" and "grid" are the only ones known here. {remedy}'
        )
    devices = mesh.devices
    if mesh.axis_names == (GRID, ROWS):
        devices = devices.T
    devices = devices.reshape(mesh.shape.get(ROWS, 1), mesh.shape.get(GRID, 1))
    # `make_mesh` makes axes of type Explicit: with them, types of arrays outside `shard_map` hold shardings.
    return Mesh(devices, (ROWS, GRID), axis_types=(AxisType.Auto, AxisType.Auto))


def one_device() -> Mesh:
    """A mesh of the default device alone."""
    return check_mesh(Mesh(np.array(jax.local_devices()[:1]), (ROWS,)))


def place(array: Any, mesh: Mesh, spec: PartitionSpec) -> jax.Array:
    """A host array that every process holds, each device given its own part."""
    host = np.asarray(array)
    sharding = NamedSharding(mesh, spec)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def gather(tree: Any) -> Any:
    """Arrays as NumPy arrays, whole, on every process; a collective where there are several."""
    if jax.process_count() == 1:
        return jax.tree.map(np.asarray, jax.device_get(tree))
    from jax.experimental import multihost_utils

    def whole(array: Any) -> np.ndarray:
        if isinstance(array, jax.Array) and not array.is_fully_addressable:
            if array.is_fully_replicated:
                return np.asarray(array.addressable_shards[0].data)
            return np.asarray(multihost_utils.process_allgather(array, tiled=True))
        return np.asarray(array)

    return jax.tree.map(whole, tree)


def from_first(tree: Any) -> Any:
    """Host arrays of process 0, on all processes; a collective where there are several."""
    if jax.process_count() == 1:
        return tree
    from jax.experimental import multihost_utils

    return jax.tree.map(np.asarray, multihost_utils.broadcast_one_to_all(tree))
