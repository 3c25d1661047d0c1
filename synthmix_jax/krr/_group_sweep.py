"""The door for several groups: source, target and synthetic points, each with counts and weights of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int8

from synthmix_jax import _checks, _matching, _numerics
from synthmix_jax._typing import KernelFunction, Numbers
from synthmix_jax.dataset import Dataset

from . import _group_grid, _memory, _problem, _status
from ._exact import row_sum_bound
from ._fit import Fit
from ._group_checks import (
    check_groups,
    checked_counts,
    checked_importance,
    checked_scored,
    checked_weights,
)

_Grid = Float[np.ndarray, "..."]


@dataclass(frozen=True)
class GroupBest:
    """One cell of a `GroupSweep`: the amounts and their error.

    Attributes:
        counts: Points of each group.
        weights: Of one point of each group.
        ridge: Absolute ridge.
        error: Its error.
        index: Its place in the arrays of the sweep.
    """

    counts: dict[str, int]
    weights: dict[str, float]
    ridge: float
    error: float
    index: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class GroupSweep:
    """Errors over weights, ridges and counts of several groups, as NumPy float64.

    Every array of errors has the axes of `axes`, in their order: the weights of each group, the ridges, the
    counts of each group; an axis with one value has length one.

    Attributes:
        groups: Names of the groups.
        axes: Values along each axis, by names such as "synthetic weight", "ridge", "synthetic count".
        loo_error: By scored group: mean over its points of the squared leave-one-out error, summed over outputs.
        loo_misclassified: By scored group: share of its points misclassified when left out; None for regression.
        loo_residuals: `loo_error` point by point, in a last axis (..., n); None unless residuals=True.
        loo_wrong: `loo_misclassified` point by point, 1.0 or 0.0; None for regression or unless residuals=True.
        test_error: Mean over the test points of the squared error, summed over outputs; None without test.
        test_misclassified: Share of test points misclassified; None for regression or without test.
        status: What became of each cell: 0 ok, 1 imprecise, 2 failed, 3 empty; see `explain`.
        num_factorisations: Matrices that were factored for all of them.
        largest_eigenvalue: An upper bound for the kernel matrix, to judge ridges by.
    """

    groups: tuple[str, ...]
    axes: dict[str, np.ndarray]
    loo_error: dict[str, _Grid]
    loo_misclassified: dict[str, _Grid] | None
    loo_residuals: dict[str, _Grid] | None = field(repr=False)
    loo_wrong: dict[str, _Grid] | None = field(repr=False)
    test_error: _Grid | None
    test_misclassified: _Grid | None
    status: Int8[np.ndarray, "..."] = field(repr=False)
    num_factorisations: int
    largest_eigenvalue: float

    def best(self, by: str) -> GroupBest:
        """The cell of least error.

        Args:
            by: A scored group, for its leave-one-out error, or "test". Choosing by test error and reporting it is
                optimistic.

        Raises:
            ValueError: the sweep has no such error, or no cell succeeded.
        """
        known = [*self.loo_error, *([] if self.test_error is None else ["test"])]
        _checks.one_of("by", by, known)
        errors = self.loo_error.get(by, self.test_error)
        assert errors is not None
        if not np.isfinite(errors).any():
            raise ValueError(f"no cell of the sweep succeeded. {self.explain(*[0] * errors.ndim)}")
        index = tuple(int(i) for i in np.unravel_index(np.nanargmin(errors), errors.shape))
        return GroupBest(**self._amounts(index), error=float(errors[index]), index=index)

    def explain(self, *index: int) -> str:
        """The status of the cell at these indices, one an axis, in words."""
        cell = self._amounts(index)
        return _status.explain(
            int(self.status[index]),
            ridge=cell["ridge"],
            weight=max(cell["weights"].values()),
            count=sum(cell["counts"].values()),
            largest=self.largest_eigenvalue,
            what="points in all",
        )

    def _amounts(self, index: tuple[int, ...]) -> dict[str, Any]:
        at = {name: v[i] for (name, v), i in zip(self.axes.items(), index, strict=True)}
        return {
            "counts": {g: int(at[f"{g} count"]) for g in self.groups},
            "weights": {g: float(at[f"{g} weight"]) for g in self.groups},
            "ridge": float(at["ridge"]),
        }


def sweep_groups(
    groups: Mapping[str, Dataset],
    *,
    kernel: KernelFunction,
    ridges: Numbers,
    counts: Mapping[str, Numbers] | None = None,
    weights: Mapping[str, Numbers] | None = None,
    importance: Mapping[str, Numbers] | None = None,
    score: str | Sequence[str] = (),
    test: Dataset | None = None,
    residuals: bool = False,
    memory_limit: float | int | None = None,
) -> GroupSweep:
    """Fit several groups together for every combination of their counts and weights, and score each fit.

    For data of several origins: real points of a source and of the target, synthetic points. Minimises
    sum_g w_g sum_{i < count_g} r_i |y_i - f(x_i)|^2 + mu |f|^2_H. Multiplying all weights and the ridge by one
    number changes nothing, so one group may keep the weight 1.

    One factorisation gives all counts of the group that has the most of them; the other groups' counts and all
    weights and ridges are multiplied out, and combinations that are the same problem share a factor. Float64
    inside. Names and the order of the groups do not matter.

    Args:
        groups: Points by the name of their group.
        kernel: A kernel of `smx.kernels` or a callable (n, ...), (m, ...) -> (n, m).
        ridges: Absolute ridges mu (l,); positive.
        counts: By group: strictly increasing numbers of points to use, the first ones each. Absent: all points.
            To leave a group out give it a count of 0.
        weights: By group: weights of one of its points; positive. Absent: 1.
        importance: By group: weights r (n,) of its points, on top; zero leaves a point out. Absent: 1.
        score: Groups of real points to score by exact leave-one-out; they are used whole.
        test: Real points to test on, or None.
        residuals: Whether to keep the leave-one-out errors point by point, for intervals.
        memory_limit: Bytes the sweep may take; None for nine tenths of what is free.

    Returns:
        A `GroupSweep`. A cell that failed is NaN with a status; the others stand.

    Raises:
        ValueError: no groups, data that do not match, names of groups that do not exist, weights or ridges that
            are not positive, counts beyond a group, nothing to score, or more memory needed than there is.

    References:
        Derived here (`krr._group_grid`); leave-one-out as in rasmussen2006, section 5.4.2.
    """
    names = check_groups(groups, test)
    ridges = _checks.positive_values("ridges", ridges)
    counted = checked_counts(groups, counts)
    weighed = checked_weights(groups, weights)
    points = checked_importance(groups, importance)
    scored = checked_scored(groups, score, counted, points, test, residuals)
    if not any(values[-1] for values in counted.values()):
        raise ValueError("counts leave no point of any group to fit. Give at least one.")
    rows = _group_grid.layout(
        {name: int(counted[name][-1]) for name in names}, counted, scored, points
    )
    cells = _group_grid.cells(names, weighed, ridges, counted, rows)
    nested = (0,) if rows.nested is None else tuple(counted[rows.nested].tolist())
    parts = [groups[name][: int(counted[name][-1])] for name in rows.order if counted[name][-1]]
    classes = _matching.num_classes(*groups.values(), test)
    _check_memory(parts, test, classes, rows, cells, nested, memory_limit)
    with _numerics.x64():
        problem = _problem.stacked(parts, kernel, test, classes=classes, labelled=len(scored))
        largest = float(row_sum_bound(problem.gram))
        found = _group_grid.curves(
            problem,
            rows.group,
            rows.rank,
            rows.importance,
            cells.noises,
            cells.counts,
            always=rows.always,
            scored=rows.scored,
            counts=nested,
        )
    spread = _Spread(names, rows, cells)
    flat = {
        name: None if a is None else spread(np.asarray(a)) for name, a in found._asdict().items()
    }
    by_group = (
        _by_group(rows, scored, flat["loo_residuals"]),
        _by_group(rows, scored, flat["loo_wrong"]),
    )
    axes = {f"{name} weight": weighed[name] for name in names}
    axes |= {"ridge": ridges} | {f"{name} count": counted[name] for name in names}
    any_error = flat["test_error"] if not scored else by_group[0][scored[0]].mean(axis=-1)
    assert any_error is not None
    return GroupSweep(
        groups=names,
        axes=axes,
        loo_error=_means(by_group[0]),
        loo_misclassified=_means(by_group[1]) if classes is not None else None,
        loo_residuals=by_group[0] if residuals else None,
        loo_wrong=by_group[1] if residuals and classes is not None else None,
        test_error=flat["test_error"],
        test_misclassified=flat["test_misclassified"],
        status=_codes(
            any_error,
            axes,
            {name: points.get(name, np.ones(len(groups[name]))) for name in names},
            2 if scored else 1,
            largest,
        ),
        num_factorisations=len(cells.noises),
        largest_eigenvalue=largest,
    )


def fit_groups(
    groups: Mapping[str, Dataset],
    *,
    kernel: KernelFunction,
    ridge: float | int,
    counts: Mapping[str, int] | None = None,
    weights: Mapping[str, float | int] | None = None,
    importance: Mapping[str, Numbers] | None = None,
) -> Fit:
    """One fit of several groups: a cell of `sweep_groups`, as a function that predicts.

    Args:
        groups: Points by the name of their group.
        kernel: A kernel or a callable.
        ridge: Absolute ridge mu, positive.
        counts: By group: how many of its points to use, the first ones. Absent: all.
        weights: By group: weight of one of its points; positive. Absent: 1.
        importance: By group: weights r (n,) of its points, on top. Absent: 1.

    Raises:
        ValueError: as `sweep_groups`, or a matrix that is not positive definite at this ridge.
    """
    names = check_groups(groups, None)
    ridge = _checks.positive_value("ridge", ridge)
    counted = checked_counts(groups, counts)
    weighed = checked_weights(groups, weights)
    for what, values in (("counts", counted), ("weights", weighed)):
        many = [name for name in names if len(values[name]) > 1]
        if many:
            raise ValueError(
                f"{what} of group {many[0]!r} are {len(values[many[0]])}, but one fit has one: use sweep_groups."
            )
    points = checked_importance(groups, importance)
    sizes = {name: int(counted[name][0]) for name in names}
    if not any(sizes.values()):
        raise ValueError("counts leave no point of any group to fit. Give at least one.")
    rows = _group_grid.layout(sizes, counted, (), points)
    cells = _group_grid.cells(names, weighed, np.array([ridge]), counted, rows)
    parts = [groups[name][: sizes[name]] for name in rows.order if sizes[name]]
    with _numerics.x64():
        classes = _matching.num_classes(*groups.values())
        problem = _problem.stacked(parts, kernel, classes=classes, labelled=0)
        found = _group_grid.coefficients(
            problem, rows.group, rows.rank, rows.importance, cells.noises[0], cells.counts[0]
        )
        largest = float(row_sum_bound(problem.gram))
    coefficients = np.asarray(found)
    if not np.isfinite(coefficients).all():
        raise ValueError(
            _status.explain(
                _status.FAILED,
                ridge=ridge,
                weight=max(float(w[0]) for w in weighed.values()),
                count=sum(sizes.values()),
                largest=largest,
                what="points in all",
            )
        )
    return Fit.of_parts(parts, kernel=kernel, coefficients=coefficients)


class _Spread:
    """From factorisations and nested counts (f, c, ...) to the axes of the sweep."""

    def __init__(self, names: tuple[str, ...], rows: _group_grid.Layout, cells: _group_grid.Cells):
        self._place = cells.place
        # The axis of the nested group's counts comes last from the core.
        at = len(names) if rows.nested is None else names.index(rows.nested)
        self._to = None if rows.nested is None else len(names) + 1 + at

    def __call__(self, values: np.ndarray) -> np.ndarray:
        whole = values[self._place]
        axis = self._place.ndim
        return (
            whole[(slice(None),) * axis + (0,)]
            if self._to is None
            else np.moveaxis(whole, axis, self._to)
        )


def _by_group(
    rows: _group_grid.Layout, scored: tuple[str, ...], values: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Scores point by point (..., s), by group."""
    if values is None:
        return {}
    found = {}
    for name in scored:
        mine = rows.group[: rows.scored] == rows.order.index(name)
        found[name] = values[..., mine]
    return found


def _means(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.mean(axis=-1) for name, array in values.items()}


def _codes(
    errors: np.ndarray,
    axes: dict[str, np.ndarray],
    points: dict[str, np.ndarray],
    least: int,
    largest: float,
) -> np.ndarray:
    """Status of each cell, from its error, the conditioning of its matrix and its points.

    Args:
        errors: Any error.
        axes: Of the sweep.
        points: Importance of each point, by group.
        least: Points that a cell needs.
        largest: An upper bound of the largest eigenvalue.
    """
    grid = dict(zip(axes, np.meshgrid(*axes.values(), indexing="ij"), strict=True))
    used, smallest = np.zeros(errors.shape, np.int64), np.full(errors.shape, np.inf)
    for name, importance in points.items():
        count = np.cumsum(np.append(0, importance > 0))[grid[f"{name} count"]]
        noise = grid["ridge"] / (
            grid[f"{name} weight"] * max(float(importance.max(initial=0)), 1e-300)
        )
        used, smallest = used + count, np.minimum(smallest, np.where(count > 0, noise, np.inf))
    status = np.where(smallest < 1e-11 * largest, _status.IMPRECISE, _status.OK)
    status = np.where(np.isfinite(errors), status, _status.FAILED)
    return np.where(used >= least, status, _status.EMPTY).astype(np.int8)


def _check_memory(parts, test, classes, rows, cells, counts, limit) -> None:
    total = len(rows.group)
    first = parts[0]
    needed = _memory.estimate(
        rows.scored,
        total - rows.scored,
        features=int(np.prod(first.x.shape[1:])),
        outputs=classes or int(np.prod(first.y.shape[1:])),
        tests=0 if test is None else len(test),
        counts=len(counts),
        ridges=len(cells.noises),
        residuals=True,
    )
    # Every axis of the grid is written out, the cells that share a factor too.
    needed += 8 * cells.place.size * len(counts) * (4 + 2 * rows.scored)
    _memory.check(needed, limit, rows=total)
