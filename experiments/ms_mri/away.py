"""A lesion generator that keeps away from given places of its patient."""

import dataclasses

import jax.numpy as jnp
import numpy as np

SLICES = 3


def kept_away(generator, brain: np.ndarray, away: np.ndarray):
    """A generator of one patient that draws no patch that overlaps one centred at `away` (k, 3), in voxels.

    The places stay, their probabilities become zero: shapes, and so compiled programs, stay the same.
    """
    tissue, size = generator.tissue, generator.size
    # Places are slice, row, column of slices cut to the brain, with a margin of one patch.
    first = [np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))[0] for axis in range(3)]
    z, x, y = (np.asarray(tissue.centres).T[i] for i in range(3))
    places = np.stack([x + first[0] - size, y + first[1] - size, z + first[2]], axis=1)
    near = np.zeros(len(places), bool)
    for centre in away:
        apart = np.abs(places - centre)
        near |= (apart[:, :2] < size).all(axis=1) & (apart[:, 2] <= SLICES)
    weights = np.diff(np.asarray(tissue.cumulative, np.float64), axis=1, prepend=0.0) * ~near
    cumulative = np.cumsum(weights, axis=1)
    if not (cumulative[:, -1] > 0).all():
        raise ValueError(
            f"{len(away)} patches leave no place to draw from; take fewer or more parts."
        )
    cumulative = jnp.asarray(cumulative / cumulative[:, -1:], jnp.float32)
    return dataclasses.replace(generator, tissue=dataclasses.replace(tissue, cumulative=cumulative))
