"""How many points of a group to use, at weights that are given: `group_risk` at every count, and the least.

With weights that are free more points never hurt; at fixed weights they may, in any shape: down, U, and up before
it goes down. No search by halves is safe then, so every count is evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks
from synthmix_jax._typing import Array, Numbers

from . import _arrays
from ._group_optimum import check_place
from ._group_risk import group_risk

# A cell takes a tenth of a millisecond to a few, by the number of features.
_MOST_CELLS = 200_000


@dataclass(frozen=True)
class GroupCounts:
    """The best numbers of points of `optimal_group_counts`.

    Attributes:
        sizes: Points of each group to use (k,): the best of those asked for, all of the others.
        risk: Error on the target group at these, without the noise of its points.
        counts: The counts that were compared, by group.
        curve: Errors at all of them, one axis a group of `counts`, in its order.
    """

    sizes: Int[np.ndarray, " k"]
    risk: float
    counts: dict[int, Int[np.ndarray, " c"]]
    curve: Float[np.ndarray, "..."]


def optimal_group_counts(
    covariances: Array,
    coefficients: Array,
    *,
    eigenvalues: Numbers,
    sizes: Numbers,
    weights: Numbers,
    noise_variances: Numbers,
    ridge: float,
    target: int,
    counts: Mapping[int, Numbers | None],
) -> GroupCounts:
    """The numbers of points, of one group or several, that make `group_risk` on the target group least.

    Args:
        covariances: Of `group_risk` (k, j, j).
        coefficients: Of `group_risk` (k, j).
        eigenvalues: Of `group_risk` (j,).
        sizes: Points there are of each group (k,).
        weights: Of one point of each group (k,).
        noise_variances: Of each group's targets (k,).
        ridge: Absolute ridge.
        target: Place of the group whose error counts.
        counts: By place of the group, the counts to compare, increasing; None for every count from zero to its
            size. Several groups are chosen together. Groups that are not named are used whole.

    Returns:
        The best counts, exactly: all are evaluated. Of equal ones the smallest.

    Raises:
        ValueError: no such group, more points than there are, too many combinations, or what `group_risk` refuses.

    References:
        Derived here.
    """
    groups = len(covariances)
    check_place("target", target, groups)
    sizes = _arrays.numbers("sizes", sizes, remedy="Give numbers of points.")
    if np.shape(sizes) != (groups,) or np.any(sizes != np.round(sizes)):
        raise ValueError(f"sizes must be {groups} whole numbers, got {sizes}: one for each group.")
    compared = _counts_of(counts, np.asarray(sizes), groups)
    mesh = np.meshgrid(*compared.values(), indexing="ij")
    cells = np.broadcast_to(sizes, (*mesh[0].shape, groups)).copy()
    for k, values in zip(compared, mesh, strict=True):
        cells[..., k] = values
    # Without a single point the fit is zero.
    empty = np.sum(cells, axis=-1) == 0
    risks = group_risk(
        covariances,
        coefficients,
        eigenvalues=eigenvalues,
        sizes=np.where(empty[..., None], 1.0, cells),
        weights=weights,
        noise_variances=noise_variances,
        ridge=ridge,
    )[..., target]
    theta = np.asarray(coefficients, np.float64)[target]
    curve = np.where(empty, theta @ np.asarray(covariances, np.float64)[target] @ theta, risks)
    place = np.unravel_index(np.argmin(curve), curve.shape)
    return GroupCounts(cells[place].astype(np.int64), float(curve[place]), compared, curve)


def _counts_of(counts, sizes: np.ndarray, groups: int) -> dict[int, np.ndarray]:
    if not counts:
        raise ValueError(
            "counts names no group: give, by its place, the group whose number is wanted."
        )
    compared = {}
    for k, values in counts.items():
        check_place("counts", k, groups)
        every = np.arange(int(sizes[k]) + 1)
        name = f"counts[{k}]"
        compared[k] = (
            every if values is None else _checks.count_values(name, values, largest=int(sizes[k]))
        )
    cells = int(np.prod([len(values) for values in compared.values()]))
    if cells > _MOST_CELLS:
        raise ValueError(
            f"counts asks for {cells} combinations, more than {_MOST_CELLS}: give fewer, such as every tenth."
        )
    return compared
