"""The search of `_group_optimum`: a grid over "out" and some weights of each group, then descent from its valleys.

The unknowns are t_k = log(w_k tr(Sig_k Lam) / d), the logarithm of what one point of group k pulls before anything
is fitted.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax import _numerics

from . import _arrays, _group_risk

# Of exp(t_k), and of N_k exp(t_k) below: a ridge of a millionth of what one point pulls is next to none.
_MOST, _LEAST = 1e6, 1e-6
_GRID_MOST, _GRID_LEAST = 1e4, 1e-2
_CELLS = 500
_STARTS = 4


class Start(NamedTuple):
    t: np.ndarray
    inside: np.ndarray
    risk: float


@dataclass(frozen=True)
class Task:
    """The problem in the units of the search."""

    covariances: np.ndarray
    coefficients: np.ndarray
    eigenvalues: np.ndarray
    sizes: np.ndarray
    noises: np.ndarray
    ridge: float
    target: int
    pull: np.ndarray
    basis: np.ndarray

    @property
    def teaches(self) -> np.ndarray:
        """Groups that have points which can teach anything."""
        return (self.sizes > 0) & (self.pull > 0)

    @cached_property
    def _problem(self):
        """On the device, once."""
        return _arrays.wide((self.basis, self.covariances, self.coefficients, self.eigenvalues))

    def bounds(self, k: int) -> tuple[float, float]:
        """Of t_k."""
        return float(np.log(_LEAST / max(self.sizes[k], 1.0))), float(np.log(_MOST))

    def risks(self, t: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Errors on all groups (..., k); infinite where no group is in."""
        weights = np.where(inside, np.exp(t), 1.0) / np.where(self.teaches, self.pull, 1.0)
        sizes = np.where(inside, self.sizes, 0.0)
        empty = ~np.any(sizes > 0, axis=-1)
        risks = _group_risk.group_risk(
            self.covariances,
            self.coefficients,
            eigenvalues=self.eigenvalues,
            sizes=np.where(empty[..., None], 1.0, sizes),
            weights=weights,
            noise_variances=self.noises,
            ridge=self.ridge,
        )
        return np.where(empty[..., None], np.inf, risks)

    def slope(self, t: np.ndarray, inside: np.ndarray) -> tuple[float, np.ndarray]:
        """The target's error at one point of the search and its gradient; zero for groups that are out."""
        sizes = np.where(inside, self.sizes, 0.0)
        pull = np.where(inside, self.pull, 1.0)
        t = np.where(inside, t, 0.0)
        with _numerics.x64():
            cell = (sizes, pull, self.noises, np.float64(self.ridge))
            value, gradient = _value_and_slope(t, self._problem, cell, self.target)
        return float(value), np.where(inside, np.asarray(gradient), 0.0)


def task_of(covariances, coefficients, sizes, given, target: int, ridge: float) -> Task:
    # All that group_risk checks is checked by one call of it.
    _group_risk.group_risk(
        covariances,
        coefficients,
        **given,
        sizes=sizes,
        weights=np.ones(len(covariances)),
        ridge=ridge,
    )
    eigenvalues = np.asarray(given["eigenvalues"], np.float64)
    covariances = np.asarray(covariances, np.float64)
    noises = np.asarray(given["noise_variances"], np.float64)
    sizes = np.asarray(sizes, np.float64)
    if sizes.ndim != 1 or noises.ndim != 1 or np.ndim(ridge) != 0:
        raise ValueError(
            f"sizes {sizes.shape}, noise_variances {noises.shape} and ridge {np.shape(ridge)} are of several "
            "problems. Give one problem at a time."
        )
    return Task(
        covariances,
        np.asarray(coefficients, np.float64),
        eigenvalues,
        sizes,
        noises,
        float(ridge),
        target,
        np.einsum("kjj,j->k", covariances, eigenvalues) / ridge,
        _group_risk.joint_range(covariances, eigenvalues),
    )


@jax.jit
def _value_and_slope(t, problem, cell, target):
    sizes, pull, noises, ridge = cell

    def value(t):
        cells = (sizes, jnp.exp(t) / pull, noises, jnp.full_like(sizes, ridge))
        return _group_risk.all_cells(*problem, *(v[None] for v in cells))[0, target]

    return jax.value_and_grad(value)(t)


def grid_of(task: Task, held: int | None) -> tuple[np.ndarray, list[np.ndarray]]:
    """The target's error over all combinations of levels, and the levels: NaN, which is "out", then values of t."""
    free = task.teaches.copy()
    if held is not None:
        free[held] = False
    number = max(2, int(_CELLS ** (1.0 / max(1, np.sum(free)))) - 1) if np.any(free) else 0
    levels = []
    for k, size in enumerate(task.sizes):
        low, high = np.log(_GRID_LEAST / max(size, 1.0)), np.log(_GRID_MOST)
        chosen = np.linspace(low, high, min(number, 41)) if free[k] else []
        levels.append(np.array([np.nan, *(np.log(task.pull[[k]]) if k == held else chosen)]))
    cells = np.stack(np.meshgrid(*levels, indexing="ij"), axis=-1)
    inside = ~np.isnan(cells)
    return task.risks(np.where(inside, cells, 0.0), inside)[..., task.target], levels


def best_of(task, grid, levels, held, fixed) -> Start:
    """Descent from the best cells of the grid that are least among their neighbours."""
    from scipy.ndimage import minimum_filter

    allowed = grid.copy()
    if fixed is not None:
        allowed[(slice(None),) * fixed + (0,)] = np.inf
    lowest = (allowed == minimum_filter(allowed, size=3, mode="nearest")) & np.isfinite(allowed)
    cells = np.argwhere(lowest)
    order = np.argsort(allowed[lowest], kind="stable")[:_STARTS]
    found = [_descend(task, _at(levels, cells[i]), held, fixed) for i in order]
    return min(found, key=lambda start: start.risk)


def alone(task: Task, grid, levels, held) -> np.ndarray:
    result = np.full(len(levels), np.nan)
    for k in np.flatnonzero(task.teaches):
        line = np.moveaxis(grid, k, 0).reshape(len(levels[k]), -1)[:, 0]
        place = np.zeros(len(levels), int)
        place[k] = np.argmin(line)
        result[k] = _descend(task, _at(levels, place), held, int(k)).risk
    return result


def _at(levels, place) -> np.ndarray:
    return np.array([level[i] for level, i in zip(levels, place, strict=True)])


def _descend(task: Task, start: np.ndarray, held: int | None, stays: int | None) -> Start:
    """Descent over the groups that are in; those whose absence costs nothing go, all but `stays`."""
    t, inside = start, ~np.isnan(start)
    while True:
        t = _polish(task, np.where(inside, t, 0.0), inside, held)
        risk = task.risks(t, inside)[task.target]
        can_go = [k for k in np.flatnonzero(inside) if k != stays and np.sum(inside) > 1]
        without = [task.risks(t, inside & (np.arange(len(t)) != k))[task.target] for k in can_go]
        if not can_go or min(without) > risk * (1.0 + 1e-9):
            return Start(t, inside, float(risk))
        inside = inside & (np.arange(len(t)) != can_go[int(np.argmin(without))])


def _polish(task: Task, t: np.ndarray, inside: np.ndarray, held: int | None) -> np.ndarray:
    from scipy.optimize import minimize

    free = inside & (np.arange(len(t)) != (-1 if held is None else held))
    bounds = [task.bounds(k) if free[k] else (t[k], t[k]) for k in range(len(t))]
    scale = max(task.slope(t, inside)[0], 1e-300)

    def relative(t):
        value, gradient = task.slope(t, inside)
        return value / scale, gradient / scale

    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 200}
    return minimize(relative, t, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
