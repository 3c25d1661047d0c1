"""What a reader must know before relying on the advice: refusals at the door, and warnings to carry along."""

import numpy as np

from synthmix_jax import _numerics, krr
from synthmix_jax.dataset import Dataset

from ._records import Copies
from ._verdict import Choice


def check_classes(
    real: Dataset, synthetic: Dataset, called: tuple[str, str] = ("real", "synthetic")
) -> None:
    """Refuse classes that only one side has.

    Raises:
        ValueError: a class without real points cannot be scored; a class without synthetic points makes
            every count a change of the class balance too.
    """
    if real.num_classes is None or synthetic.num_classes is None:
        return
    seen = [set(np.unique(np.asarray(d.y)).tolist()) for d in (real, synthetic)]
    for name, other, missing in (
        (*called, seen[1] - seen[0]),
        (*called[::-1], seen[0] - seen[1]),
    ):
        if missing:
            names = real.class_names or synthetic.class_names
            shown = [names[c] if names and c < len(names) else c for c in sorted(missing)]
            raise ValueError(
                f"{name} holds no point of class {', '.join(map(str, shown))}, which {other} has. "
                f"Add points of it to {name}, or drop the class from {other}."
            )


def check_covered(source: Dataset, target: Dataset) -> None:
    """Refuse classes of the source that no target point is of: what they cost there could not be seen.

    Raises:
        ValueError: the target lacks a class of the source.
    """
    if source.num_classes is None or target.num_classes is None:
        return
    missing = set(np.unique(np.asarray(source.y)).tolist()) - set(
        np.unique(np.asarray(target.y)).tolist()
    )
    if missing:
        names = source.class_names or target.class_names
        shown = [names[c] if names and c < len(names) else c for c in sorted(missing)]
        raise ValueError(
            f"target_validation holds no point of class {', '.join(map(str, shown))}, which the source has. Add "
            "labelled target points of it, drop the class from the source, or give target_validation.x alone."
        )


def few_per_class(real: Dataset, kind: str = "real") -> list[str]:
    """A warning for classes with fewer than three real points."""
    if real.num_classes is None:
        return []
    sizes = np.bincount(np.asarray(real.y), minlength=real.num_classes)
    few = np.flatnonzero((sizes > 0) & (sizes < 3))
    if not few.size:
        return []
    names = [real.class_names[c] if real.class_names else str(c) for c in few]
    return [
        f"Fewer than 3 {kind} points in {'class' if len(few) == 1 else 'classes'} {', '.join(names)}: leaving "
        f"one out leaves at most {int(sizes[few].max()) - 1} to learn the class from, which makes real data "
        "look worse than it is and can pass bad synthetic data. Collect at least 3, better 5, a class."
    ]


def few_points(real: Dataset, kind: str = "real") -> list[str]:
    """A warning when standard errors themselves are guesswork."""
    if len(real) >= 10:
        return []
    return [
        f"Only {len(real)} {kind} points: intervals from so few are rough. Collect more before relying on them."
    ]


def misread(real: Dataset, synthetic: Dataset) -> list[str]:
    """Warnings for data that can be read, but perhaps not as meant."""
    found = []
    y = np.asarray(real.y)
    if real.num_classes is None and y.ndim == 1 and len(y) > 20:
        values = np.unique(y)
        if len(values) <= 10 and np.array_equal(values, np.round(values)):
            found.append(
                f"y holds only {len(values)} distinct whole numbers, as floats, and is read as regression targets. "
                "If they are classes, give integers: y.astype(int)."
            )
    # Names that are the numbers themselves ("0", "1", ...) leave nothing to mismatch.
    named = [
        d.class_names is not None and d.class_names != tuple(map(str, range(len(d.class_names))))
        for d in (real, synthetic)
    ]
    if real.num_classes is not None and named[0] != named[1]:
        found.append(
            f"Classes have names in the {'real' if named[0] else 'synthetic'} data only and were matched "
            "by number. Give both sides names, or both numbers."
        )
    return found + _other_scale(real, synthetic)


# So many evenly spaced points are enough to see a tenfold spread, and spare a copy of a memory-mapped pool.
_ENOUGH = 50_000


def _other_scale(real: Dataset, synthetic: Dataset) -> list[str]:
    """Columns whose spread differs tenfold: one side was standardised and the other was not?"""
    if real.x.ndim > 2:
        return []
    spreads = [
        np.asarray(_numerics.as_rows(np.asarray(d.x)[:: 1 + len(d) // _ENOUGH])).std(axis=0)
        for d in (real, synthetic)
    ]
    both = (spreads[0] > 0) & (spreads[1] > 0)
    apart = np.abs(np.log10(spreads[1][both] / spreads[0][both])) > 1
    if not apart.any():
        return []
    return [
        f"{int(apart.sum())} of {len(apart)} features spread over ten times as far on one side as on the other: "
        "was only one of them rescaled?"
    ]


def about_copies(copies: Copies | None) -> list[str]:
    """A warning when synthetic points look like copies of real ones."""
    if copies is None or not copies.suspicious:
        return []
    return [
        f"Synthetic points lie suspiciously close to real ones ({copies.close:.0%} of them at most half "
        f"as far from one real point as from the next, {copies.identical:.1%} identical; below 10 % and 0 % are "
        "normal). Remove identical points. If the generator saw these real points, this advice is too optimistic: "
        'pass the generator as a callable with fitted_on="real".'
    ]


def after_the_sweep(choice: Choice, sweep: krr.Sweep, pool: int, largest_count: int) -> list[str]:
    """Warnings that only the results can give."""
    found = []
    failed = int((sweep.status == 2).sum())
    if failed:
        found.append(
            f"{failed} of {sweep.status.size} fits failed and were left out: some ridges are too small for "
            "points this close together."
        )
    _, l, _ = choice.cell
    if sweep.status[choice.cell] == 1:
        found.append(
            f"The recommended fit is numerically imprecise (ridge {sweep.ridges[l]:.1g} is tiny beside the kernel "
            "matrix): give larger ridges (--ridges, ridges=...)."
        )
    if choice.verdict != "use none" and largest_count == pool and _still_falling(choice, sweep):
        found.append(
            "The error was still falling at the end of the pool: more synthetic data of this kind may help "
            "further."
        )
    at_edge = _weight_at_edge(choice, sweep)
    if at_edge is not None:
        found.append(at_edge)
    edge = _ridge_at_edge(choice, sweep)
    if edge is not None:
        side, word = edge
        found.append(
            f"The chosen ridge {sweep.ridges[l]:g} is the {side} tried, and clearly better than its neighbour: "
            f"a {word} one may be better still (--ridges, ridges=...)."
        )
    return found


def _weight_at_edge(choice: Choice, sweep: krr.Sweep) -> str | None:
    """Whether the weight is the least or the largest tried, and over 2 % better than its neighbour."""
    w, l, c = choice.cell
    last = len(sweep.weights) - 1
    if not c or last < 1 or w not in (0, last) or sweep.loo_error is None:
        return None
    neighbour = sweep.loo_error[1 if w == 0 else last - 1, l, c]
    if not sweep.loo_error[w, l, c] < 0.98 * neighbour:
        return None
    side, word = ("smallest", "smaller") if w == 0 else ("largest", "larger")
    return (
        f"The weight {sweep.weights[w]:g} is the {side} tried, and clearly better than its neighbour: with a "
        f"{word} one, more points may be of use (--weights, weights=...)."
    )


def _still_falling(choice: Choice, sweep: krr.Sweep) -> bool:
    """Whether the whole pool has the least error of all counts, at the recommended weight and ridge."""
    w, l, _ = choice.cell
    assert sweep.loo_error is not None
    curve = sweep.loo_error[w, l]
    return bool(np.nanargmin(curve) == len(curve) - 1)


def _ridge_at_edge(choice: Choice, sweep: krr.Sweep) -> tuple[str, str] | None:
    """Whether the error still falls by over 2 % at the edge of the ridges."""
    w, l, c = choice.cell
    last = len(sweep.ridges) - 1
    if last < 1 or l not in (0, last) or sweep.loo_error is None:
        return None
    neighbour = sweep.loo_error[w, 1 if l == 0 else last - 1, c]
    if not sweep.loo_error[w, l, c] < 0.98 * neighbour:
        return None
    return ("smallest", "smaller") if l == 0 else ("largest", "larger")
