"""Square windows of one slice: cutting them out, and what of them is near what."""

import numpy as np
from jaxtyping import Int, Shaped

from synthmix_jax._typing import Array

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}


def in_plane(axis: int) -> tuple[int, int]:
    """The two axes of a slice across `axis`, in their order."""
    first, second = (i for i in range(3) if i != axis)
    return first, second


def cut(
    volume: Shaped[Array, "x y z ..."], centres: Int[Array, "n 3"], size: int, axis: int
) -> np.ndarray:
    """Windows (n, size, size, ...) around voxels, of the slice across `axis`; zero beyond the volume.

    The voxel is the middle of an odd window, and the one after the middle of an even window.
    """
    first, second = in_plane(axis)
    volume = np.moveaxis(np.asarray(volume), axis, 2)
    out = np.zeros((len(centres), size, size, *volume.shape[3:]), volume.dtype)
    for row, centre in enumerate(np.asarray(centres)):
        start = centre[[first, second]] - size // 2
        low = np.maximum(start, 0)
        high = np.minimum(start + size, volume.shape[:2])
        if (high > low).all():
            to = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
            out[(row, *to)] = volume[low[0] : high[0], low[1] : high[1], centre[axis]]
    return out


def groups(
    centres: Int[Array, "n 3"], lesions: Int[Array, " n"], *, near: tuple[float, float, float]
) -> Int[Array, " n"]:
    """Number the sets of samples that belong together, by union and find.

    Two samples belong together if they show the same lesion (a number that is not 0), if their centres differ by
    less than `near` along each axis, or if a chain of such samples joins them.

    Args:
        centres: Voxels (n, 3).
        lesions: The lesion in space that a sample is centred on, 0 for none.
        near: Voxels along x, y and z.

    Returns:
        (n,), 0 to the number of groups less one, in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    n = len(centres)
    # Scaled so that the largest of the three differences decides; halved for "less than".
    scaled = centres / np.asarray(near, float)
    pairs = KDTree(scaled).query_pairs(1.0 - 1e-9, p=np.inf, output_type="ndarray") if n else np.zeros((0, 2), int)
    _, first, number = np.unique(lesions, return_index=True, return_inverse=True)
    same = np.stack([np.arange(n), first[number]], axis=1)[lesions != 0]
    links = np.concatenate([pairs, same]).astype(int)
    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(n, n))
    found = connected_components(graph, directed=False)[1]
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number].astype(np.int32)
