"""Several groups in one regression: which factorisations a grid of counts and weights needs, and their curves.

Minimises sum_g w_g sum_{i in g, i < count_g} r_i |y_i - f(x_i)|^2 + mu |f|^2_H over f; r_i is a point's importance.
So D = mu / (w_g r_i) on the rows of group g, and a group of count zero is not there whatever its weight.

Rows stand in the order [scored groups; other groups; the nested group]. As in `_nested`, one factor gives every
count of the group that comes last. The counts of the others are masks: rows beyond them become those of the
identity, with targets of zero, so that all cells are one compiled program. Cells whose rows and noises agree (the
weight of a group that is not there; all weights and the ridge multiplied by one number) share a factor.

Derived here, from `_nested`.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from synthmix_jax._typing import Array

from . import _nested
from ._problem import Problem

# Noises that agree to so many digits are one: weights such as 0.1 and 0.3 / 3 differ by rounding.
_DIGITS = 13


class Layout(NamedTuple):
    """Where the groups stand among the rows.

    Attributes:
        order: Groups in the order of their rows; the last one is nested where `nested` is not None.
        nested: The group whose counts come from one factor, or None.
        group: Place in `order` of the group of each row (N,).
        rank: Place of each row in its group (N,).
        importance: Of each row (N,).
        scored: The first so many rows are scored by leave-one-out.
    """

    order: tuple[str, ...]
    nested: str | None
    group: Int[np.ndarray, " N"]
    rank: Int[np.ndarray, " N"]
    importance: Float[np.ndarray, " N"]
    scored: int

    @property
    def always(self) -> int:
        """Rows before the nested group."""
        if self.nested is None:
            return len(self.group)
        return int((self.group < len(self.order) - 1).sum())


class Cells(NamedTuple):
    """The factorisations of a grid.

    Attributes:
        noises: mu / w of each group, in the order of `Layout.order` (f, g).
        counts: Points of each group; the largest count of the nested one (f, g).
        place: Which factorisation a cell of the grid belongs to, over its axes but that of the nested counts.
    """

    noises: Float[np.ndarray, "f g"]
    counts: Int[np.ndarray, "f g"]
    place: Int[np.ndarray, "..."]


def layout(
    sizes: Mapping[str, int],
    counts: Mapping[str, Int[np.ndarray, " c"]],
    scored: tuple[str, ...],
    importance: Mapping[str, Float[np.ndarray, " n"]],
) -> Layout:
    """Scored groups first, the group with the most counts last.

    Args:
        sizes: Rows of each group: its largest count.
        counts: Counts of each group.
        scored: Groups to score; they have one count.
        importance: Of the points of some groups.
    """
    others = [name for name in sizes if name not in scored]
    # Names and places must not matter, so ties go by what the groups are; then any choice is as good.
    nested = max(others, key=lambda name: (len(counts[name]), sizes[name]), default=None)
    first = sorted(scored, key=lambda name: sizes[name])
    rest = sorted((name for name in others if name != nested), key=lambda name: sizes[name])
    order = (*first, *rest, *([] if nested is None else [nested]))
    ones = {name: np.ones(sizes[name]) for name in sizes}
    return Layout(
        order=order,
        nested=nested,
        group=np.repeat(np.arange(len(order)), [sizes[name] for name in order]),
        rank=np.concatenate([np.arange(sizes[name]) for name in order]),
        importance=np.concatenate([{**ones, **importance}[n][: sizes[n]] for n in order]),
        scored=sum(sizes[name] for name in scored),
    )


def cells(
    groups: tuple[str, ...],
    weights: Mapping[str, Float[np.ndarray, " w"]],
    ridges: Float[np.ndarray, " l"],
    counts: Mapping[str, Int[np.ndarray, " c"]],
    rows: Layout,
) -> Cells:
    """The different factorisations behind a grid with axes (weights of each group, ridge, counts of each group)."""
    varied = [name for name in groups if name != rows.nested]
    axes = [*(weights[g] for g in groups), ridges, *(counts[g] for g in varied)]
    grid = dict(
        zip(
            [*(("w", g) for g in groups), ("l", ""), *(("c", g) for g in varied)],
            np.meshgrid(*axes, indexing="ij"),
            strict=True,
        )
    )
    ridge = grid["l", ""]
    if rows.nested is not None:
        grid["c", rows.nested] = np.full(ridge.shape, counts[rows.nested][-1])
    with np.errstate(all="ignore"):  # what leaves the numbers is refused below
        noise = np.stack([ridge / grid["w", g] for g in rows.order], axis=-1).reshape(
            -1, len(rows.order)
        )
    if not (np.isfinite(noise) & (noise > 0)).all():
        raise ValueError(
            "ridges divided by weights must stay positive and finite; these reach "
            f"[{noise.min():g}, {noise.max():g}]. Give ridges and weights of ordinary size."
        )
    count = np.stack([grid["c", g] for g in rows.order], axis=-1).reshape(noise.shape)
    exponent = np.floor(np.log10(noise))
    rounded = np.round(noise / 10.0**exponent, _DIGITS) * 10.0**exponent
    key = np.concatenate([np.where(count > 0, rounded, 0.0), count], axis=1)
    _, first, place = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return Cells(noise[first], count[first].astype(np.int64), place.reshape(ridge.shape))


@partial(jax.jit, static_argnames=("always", "scored", "counts"))
def curves(
    problem: Problem,
    group: Int[Array, " N"],
    rank: Int[Array, " N"],
    importance: Float[Array, " N"],
    noises: Float[Array, "f g"],
    sizes: Int[Array, "f g"],
    *,
    always: int,
    scored: int,
    counts: tuple[int, ...],
) -> _nested.Curves:
    """Curves of every factorisation, one after the other (see `_exact.grid`); float64."""

    def one(cell):
        diagonal, used = _rows(group, rank, importance, *cell)
        masked = problem._replace(targets=jnp.where(used[:, None], problem.targets, 0.0))
        lower = _nested.factor(problem, diagonal, used)
        found = _nested.prefixes(
            masked, lower, n=always, counts=counts, scored=scored, residuals=True
        )
        # Without a point there is no fit to score, and with a single one none to leave it out of.
        there = jnp.sum(used[:always]) + jnp.cumsum(jnp.append(0, used[always:]))[jnp.array(counts)]
        some = there > (1 if scored else 0)
        return jax.tree.map(
            lambda a: jnp.where(some.reshape(-1, *[1] * (a.ndim - 1)), a, jnp.nan), found
        )

    return jax.lax.map(one, (noises, sizes))


@jax.jit
def coefficients(
    problem: Problem,
    group: Int[Array, " N"],
    rank: Int[Array, " N"],
    importance: Float[Array, " N"],
    noises: Float[Array, " g"],
    sizes: Int[Array, " g"],
) -> Float[Array, "N k"]:
    """Coefficients of one fit; zero in rows that are not used."""
    diagonal, used = _rows(group, rank, importance, noises, sizes)
    lower = _nested.factor(problem, diagonal, used)
    return jax.scipy.linalg.cho_solve((lower, True), jnp.where(used[:, None], problem.targets, 0.0))


def _rows(group, rank, importance, noises, sizes) -> tuple[Float[Array, " N"], Bool[Array, " N"]]:
    """D, and which rows are used: those within their group's count whose importance is not zero."""
    used = (rank < sizes[group]) & (importance > 0)
    return noises[group] / jnp.where(importance > 0, importance, 1.0), used
