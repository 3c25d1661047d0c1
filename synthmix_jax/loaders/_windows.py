"""Square windows of one slice: cutting them out, and which of them belong together."""

import numpy as np
from jaxtyping import Bool, Int, Shaped

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
NEAR_ACROSS = 5.0


def cut(
    volume: Shaped[np.ndarray, "x y z ..."], centres: Int[np.ndarray, "n 3"], size: int, axis: int
) -> np.ndarray:
    """Windows (n, size, size, ...) around voxels, of the slice across `axis`; zero beyond the volume.

    The voxel is the middle of an odd window, and the first after the middle of an even window.
    """
    in_slice = [i for i in range(3) if i != axis]
    volume = np.moveaxis(np.asarray(volume), axis, 2)
    out = np.zeros((len(centres), size, size, *volume.shape[3:]), volume.dtype)
    for row, centre in enumerate(np.asarray(centres)):
        start = centre[in_slice] - size // 2
        low = np.maximum(start, 0)
        high = np.minimum(start + size, volume.shape[:2])
        to = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
        out[(row, *to)] = volume[low[0] : high[0], low[1] : high[1], centre[axis]]
    return out


def groups(
    centres: Int[np.ndarray, "n 3"],
    shown: Int[np.ndarray, "pairs 2"],
    *,
    axis: int,
    in_slice: float | int,
    across: float | int,
) -> Int[np.ndarray, " n"]:
    """Number the sets of windows that belong together.

    Two windows are linked if they show the same lesion in space, or if their centres differ by less than `in_slice`
    voxels along both axes of the slice and by less than `across` slices. Groups are what chains of links join.

    Args:
        centres: Voxels (n, 3).
        shown: (pairs, 2), window and lesion it shows; a lesion's number is at least 1.
        axis: The axis across slices.
        in_slice: Voxels, above 0.
        across: Slices, above 0.

    Returns:
        (n,), 0 to the number of groups less one, in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    n = len(centres)
    if n == 0:
        return np.zeros(0, np.int32)
    reach = np.full(3, in_slice)
    reach[axis] = across
    # Scaled so that the largest of the three differences decides, and "less than" excludes equality.
    pairs = KDTree(centres / reach).query_pairs(1.0 - 1e-9, p=np.inf, output_type="ndarray")
    links = np.concatenate([pairs, shown + np.asarray([0, n - 1])]).astype(
        np.int64
    )  # lesions are nodes n, n + 1, ...
    nodes = n + int(shown[:, 1].max(initial=0))
    graph = coo_array(
        (np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(nodes, nodes)
    )
    found = connected_components(graph, directed=False)[1][:n]
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number].astype(np.int32)


def box_of(mask: Bool[np.ndarray, "..."]) -> tuple[slice, ...]:
    """The smallest box that holds a mask; all of it where the mask is empty."""
    spans = []
    for axis, length in enumerate(mask.shape):
        there = np.flatnonzero(mask.any(axis=tuple(i for i in range(mask.ndim) if i != axis)))
        spans.append(slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, length))
    return tuple(spans)
