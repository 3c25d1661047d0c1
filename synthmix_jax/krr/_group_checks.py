"""What must be right about several groups before they are regressed together."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from synthmix_jax import _checks, _matching
from synthmix_jax._typing import Numbers
from synthmix_jax.dataset import Dataset


def check_groups(groups: Mapping[str, Dataset], test: Dataset | None) -> tuple[str, ...]:
    """Names of the groups.

    Raises:
        ValueError: no groups, no data sets, no points, or data that do not match the first group.
    """
    if not isinstance(groups, Mapping) or not groups:
        raise ValueError(
            'groups must name at least one data set: {"source": source, "synthetic": synthetic}; got '
            f"{type(groups).__name__}."
        )
    names = tuple(groups)
    for name in (*names, *(["test"] if test is not None else [])):
        data = groups.get(name, test)
        what = f"group {name!r}" if name in groups else name
        if not isinstance(name, str) or not name:
            raise ValueError(f"groups has the name {name!r}: names are words.")
        if not isinstance(data, Dataset):
            raise ValueError(
                f"{what} must be a synthmix_jax.Dataset, got {type(data).__name__}. Give smx.Dataset(x, y)."
            )
        if len(data) == 0:
            raise ValueError(f"{what} holds no points. Leave it out.")
        _matching.refuse_maps(name, data)
        _matching.check_match(groups[names[0]], data, name, first=names[0])
    return names


def checked_counts(
    groups: Mapping[str, Dataset], counts: Mapping[str, Numbers] | None
) -> dict[str, Int[np.ndarray, " c"]]:
    """Counts of every group; all points where none are given.

    Raises:
        ValueError: counts of a group that does not exist, or that are no increasing numbers within the group.
    """
    given = _of_groups("counts", groups, counts)
    return {
        name: _checks.count_values(
            f"counts[{name!r}]",
            given.get(name, len(data)),
            largest=len(data),
            what="points",
            where="the group",
        )
        for name, data in groups.items()
    }


def checked_weights(
    groups: Mapping[str, Dataset], weights: Mapping[str, Numbers] | None
) -> dict[str, Float[np.ndarray, " w"]]:
    """Weights of every group, 1 where none are given.

    Raises:
        ValueError: weights of a group that does not exist, or that are not positive.
    """
    given = _of_groups("weights", groups, weights)
    return {
        name: _checks.positive_values(f"weights[{name!r}]", given.get(name, 1.0)) for name in groups
    }


def checked_importance(
    groups: Mapping[str, Dataset], importance: Mapping[str, Numbers] | None
) -> dict[str, Float[np.ndarray, " n"]]:
    """Importance of the points of the groups that were given one.

    Raises:
        ValueError: of a group that does not exist, not one a point, negative, not finite, or zero throughout.
    """
    found = {}
    for name, values in _of_groups("importance", groups, importance).items():
        what = f"importance[{name!r}]"
        array = np.asarray(_checks.numeric_array(what, values), np.float64)
        _checks.finite(what, array)
        if array.shape != (len(groups[name]),):
            raise ValueError(
                f"{what} has shape {array.shape}, wanted ({len(groups[name])},): one number a point."
            )
        if (array < 0).any() or not (array > 0).any():
            raise ValueError(
                f"{what} must not be negative, and not zero throughout; it lies in "
                f"[{array.min():g}, {array.max():g}]."
            )
        found[name] = array
    return found


def checked_scored(
    groups: Mapping[str, Dataset],
    score: str | Sequence[str],
    counts: Mapping[str, Int[np.ndarray, " c"]],
    importance: Mapping[str, Float[np.ndarray, " n"]],
    test: Dataset | None,
    residuals: bool,
) -> tuple[str, ...]:
    """Names of the groups to score.

    Raises:
        ValueError: a group that does not exist or that is not used whole, a single point, or nothing to score.
    """
    names = (score,) if isinstance(score, str) else tuple(dict.fromkeys(score))
    for name in names:
        _checks.one_of("score", name, list(groups))
        if len(counts[name]) > 1 or counts[name][0] < len(groups[name]):
            raise ValueError(
                f"group {name!r} is scored, so all its {len(groups[name])} points are used: errors of different "
                "points could not be compared. Leave its counts out, or give fewer points."
            )
        if (importance.get(name, np.ones(1)) == 0).any():
            raise ValueError(
                f"importance[{name!r}] has zeros, but a point that is scored must be there to be left out: drop it."
            )
    if not names and test is None:
        raise ValueError(
            "nothing to score: give score, the name of a group of real points, or test points."
        )
    if residuals and not names:
        raise ValueError("residuals=True asks for leave-one-out errors: name a group by score.")
    if names and sum(len(data) for data in groups.values()) < 2:
        raise ValueError(
            "the groups hold one point, and leave-one-out needs at least two: each is scored by a fit without it."
        )
    return names


def _of_groups(what: str, groups: Mapping[str, Dataset], given: Mapping | None) -> Mapping:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(
            f"{what} must go by group, such as {{{next(iter(groups))!r}: ...}}; got {type(given).__name__}."
        )
    for name in given:
        if name not in groups:
            raise ValueError(
                f"{what} names the group {name!r}, and the groups are {', '.join(map(repr, groups))}."
            )
    return given
