"""The weights of groups at which the error on one of them is least: how much each source is to count.

`group_risk` depends on weights and ridge through w_k / d alone: multiplied all by one number they give the same
fit. Hence *all weights at one fixed ridge* and *the ridge with one weight fixed* are one search, over the k numbers

    t_k = log(w_k tr(Sig_k Lam) / d),

the logarithm of what one point of group k pulls before anything is fitted. Without these units a bound on weights
would mean something else for each ridge.

A group that only harms has its optimum at t_k = -inf, where descent never arrives. So leaving out is a choice of
its own: a grid over "out" and some t_k for each group, then L-BFGS-B (with the derivatives of the implicit function
theorem) from each cell that is least among its neighbours, over the groups that are in it; a group whose absence
then costs nothing goes. The optimum never rises with the size of a group [derived here; docs/theory.md].
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from synthmix_jax._typing import Array, Numbers

from . import _group_search

CONVERGED = "converged"
AT_BOUND = "at a bound: a weight (or 1 / ridge) wants to be infinite, as for a fit through all points of a group"
UNWANTED = "at a bound: the group whose weight is fixed wants to be left out; fix another's"
NOT_CONVERGED = "not converged: rounding stopped the search; see whether a larger ridge helps"

# Of the logarithm of the risk, for t_k.
_FLAT = 1e-5


@dataclass(frozen=True)
class GroupOptimum:
    """The best weights of `optimal_group_weights`.

    Attributes:
        weights: Of one point of each group (k,); zero where the group is better left out or has no points.
        ridge: Absolute ridge that goes with them.
        risk: Error on the target group, without the noise of its points.
        risks: Errors on all groups at these weights (k,).
        alone: Error on the target group from each group alone, its weight and the ridge chosen under the same
            rule (k,); NaN for groups that hold nothing to learn.
        shares: Part of the loss of each group (k,).
        status: "converged", or what is in the way.
    """

    weights: Float[np.ndarray, " k"]
    ridge: float
    risk: float
    risks: Float[np.ndarray, " k"]
    alone: Float[np.ndarray, " k"]
    shares: Float[np.ndarray, " k"]
    status: str

    @property
    def converged(self) -> bool:
        """Whether the slope vanishes, at no bound."""
        return self.status == CONVERGED


def optimal_group_weights(
    covariances: Array,
    coefficients: Array,
    *,
    eigenvalues: Numbers,
    sizes: Numbers,
    noise_variances: Numbers,
    target: int,
    ridge: float | None,
    fixed: int | None = None,
) -> GroupOptimum:
    """The weights of k groups that make `group_risk` on the target group least.

    | ridge | fixed | searched |
    |---|---|---|
    | a number | None | all weights; as good as all weights with the best ridge |
    | a number | a group | the other weights; that group's is one |
    | None | a group | the other weights and the ridge; that group's is one |

    The first and the last are the same fit in other units. Whoever has fixed neither asks for nothing definite.

    Args:
        covariances: Of `group_risk` (k, j, j).
        coefficients: Of `group_risk` (k, j).
        eigenvalues: Of `group_risk` (j,).
        sizes: Points of each group (k,); zero for a group that is only tested on.
        noise_variances: Of each group's targets (k,).
        target: Place of the group whose error counts.
        ridge: Absolute ridge; None to choose it too.
        fixed: Place of a group whose weight stays one: it is never left out, and needs points.

    Returns:
        Weights, ridge and errors. The search starts from a grid: with more than four groups it is coarse, and a
        narrow valley may be missed.

    Raises:
        ValueError: neither ridge nor fixed, no such group, a fixed group without points, or what `group_risk`
            refuses.

    Example:
        >>> best = smx.theory.optimal_group_weights(
        ...     np.stack([np.eye(3)] * 2), np.ones((2, 3)), eigenvalues=np.ones(3), sizes=[20, 40],
        ...     noise_variances=[0.5, 1.0], target=0, ridge=None, fixed=0,
        ... )  # one law, twice the noise: half the weight
        >>> best.weights.round(3).tolist()
        [1.0, 0.5]

    References:
        Derived here.
    """
    groups = len(covariances)
    check_place("target", target, groups)
    if fixed is not None:
        check_place("fixed", fixed, groups)
    elif ridge is None:
        raise ValueError(
            "ridge and fixed are both None: weights and ridge multiplied by one number give the same fit. Give a "
            "ridge, or the group whose weight is one."
        )
    given = {"eigenvalues": eigenvalues, "noise_variances": noise_variances}
    searched = 1.0 if ridge is None else ridge
    task = _group_search.task_of(covariances, coefficients, sizes, given, target, searched)
    if fixed is not None and not task.teaches[fixed]:
        raise ValueError(
            f"fixed = {fixed} names a group that holds nothing to learn: sizes {sizes}."
        )
    held = None if ridge is None else fixed
    grid, levels = _group_search.grid_of(task, held)
    best = _group_search.best_of(task, grid, levels, held, fixed)
    t, inside, _ = best
    weights = np.where(inside, np.exp(t) / task.pull, 0.0)
    risks = task.risks(t, inside)
    scale = weights[fixed] if fixed is not None and ridge is None else 1.0
    loss = task.sizes * weights
    return GroupOptimum(
        weights=weights / scale,
        ridge=float(searched / scale),
        risk=float(risks[target]),
        risks=risks,
        alone=_group_search.alone(task, grid, levels, held),
        shares=loss / np.sum(loss),
        status=_status(task, best, held),
    )


def check_place(name: str, place: int, groups: int) -> None:
    if not 0 <= place < groups:
        raise ValueError(
            f"{name} = {place} names none of {groups} groups: give one of 0 to {groups - 1}."
        )


def _status(task: _group_search.Task, best: _group_search.Start, held: int | None) -> str:
    value, gradient = task.slope(best.t, best.inside)
    free = best.inside & (np.arange(len(best.t)) != (-1 if held is None else held))
    low, high = np.array([task.bounds(k) for k in range(len(best.t))]).T
    if np.any(free & (best.t > high - 1e-6)):
        return AT_BOUND
    if np.any(free & (best.t < low + 1e-6)):
        return UNWANTED
    return CONVERGED if np.all(np.abs(gradient[free]) <= _FLAT * value) else NOT_CONVERGED
