"""Distances in words: by which the synthetic points are told apart from real ones, and in which classes.

A row is above where the paired interval of value less floor lies above zero, and below where it lies beneath.
Sizes are in units of the upper end of the floor, the most that single real samples show. The mean floor would not
do as a unit: that of the MMD is near zero.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _words
from ._records import Copies

if TYPE_CHECKING:
    from synthmix_jax.distances import Row, Table
else:
    # Distances load OTT, which a reader of finished tables does without.
    Row = Table = Any

# Classes that are named as the worst, and those that could not be computed.
_NAMED, _LOST = 3, 8
# Distances that less variety brings down in the plain form, as it does the sampling error they consist of.
_TRANSPORT = ("wasserstein", "wasserstein_1", "labelled_wasserstein")


def generators(table: Table) -> list[str]:
    """Names of the generators, in the order they were given."""
    return list(table.num_synthetic)


def rows(table: Table, synthetic: str, *, by_class: bool = False) -> list[Row]:
    """Rows of one generator: those over all points, or those of single classes."""
    return [r for r in table.rows if r.synthetic == synthetic and (r.label is not None) == by_class]


def computed(row: Row) -> bool:
    """Whether the row has a value that its floor can judge."""
    return math.isfinite(row.value) and math.isfinite(row.floor_high)


def times(row: Row) -> float:
    """The value in units of the upper end of the floor; NaN where that is no unit."""
    return row.value / row.floor_high if computed(row) and row.floor_high > 0 else math.nan


def metric(name: str) -> str:
    """A metric's name, as it is typed."""
    return one_line(name)


def level(table: Table) -> str:
    """The level of the intervals in percent, never rounded to 100."""
    return f"{100 * table.level:.10g} %"


def label(table: Table, index: int) -> str:
    """A class's name, or its number where classes have no names."""
    names = table.class_names or ()
    return one_line(names[index]) if index < len(names) else str(index)


def one_line(text: str) -> str:
    """A name without line breaks and without what steers a terminal."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def mark(row: Row) -> str:
    """The row's finding in a word or two."""
    if not computed(row):
        return "not computed"
    return "above" if row.above else "below" if row.below else ""


def summary(table: Table) -> list[str]:
    """What the whole says, a sentence or two for each generator, then how the generators compare."""
    lines = [_verdict(table, name) for name in generators(table)]
    return [*lines, *_closest(table)]


def class_summary(table: Table) -> list[str]:
    """A line for each generator with rows of single classes; the worst classes are named."""
    several = len(table.num_synthetic) > 1
    lines = []
    for name in generators(table):
        line = _classes(table, rows(table, name, by_class=True))
        if line:
            lines.append(
                f"Classes of {one_line(name)}: {line}." if several else f"Classes: {line}."
            )
    return lines


def cautions(table: Table) -> list[str]:
    """Values that rest on part of the resamples, what plain distances miss, then the table's own warnings."""
    several = len(table.num_synthetic) > 1
    partial = [
        f"{one_line(row.synthetic) + ', ' if several else ''}{metric(row.metric)}: {one_line(row.status)}."
        for row in table.rows
        if row.label is None and computed(row) and row.status != "ok"
    ]
    return [*partial, *_plain(table), *map(one_line, table.warnings)]


def copies(found: Mapping[str, Copies | None]) -> list[str]:
    """A line for each generator whose points look like copies of real ones."""
    return [
        f"{one_line(name)} looks like a copy: {_words.percent(each.identical)} of its points are identical to a "
        f"real one, and {_words.percent(each.close)} lie at most half as far from one real point as from the next "
        "(0 % and at most 10 % are normal)."
        for name, each in found.items()
        if each is not None and each.suspicious
    ]


def floor_note(table: Table) -> str:
    """What the floor is, in one line."""
    return (
        "Floor: real points against other real points at the same sizes, which is what chance alone shows. "
        f"Above: the paired {level(table)} interval of value less floor lies above zero; below: beneath it."
    )


def sizes(table: Table) -> str:
    """Points given, and points in each single distance."""
    counts = [
        f"{_words.integer(count)} of {one_line(name)}"
        for name, count in table.num_synthetic.items()
    ]
    whole = [row.sizes for row in table.rows if row.label is None]
    each = ""
    if whole:
        real, synthetic = (_span(side) for side in zip(*whole, strict=True))
        each = f"; each single distance between {real} real and {synthetic} synthetic ones"
    return (
        f"{_words.points(table.num_real, 'real')} against {', '.join(counts)}{each}, over "
        f"{_words.integer(table.num_resamples)} random halves"
    )


def _plain(table: Table) -> list[str]:
    """What distances that are not debiased cannot say."""
    if table.settings.get("debias"):
        return []
    whole = [row for row in table.rows if row.label is None and computed(row)]
    out = []
    if any(row.below for row in whole):
        out.append(
            "Distances below their floor do not rank generators; debiased ones do (--debias, debias=True)."
        )
    blind = [name for name in _TRANSPORT if any(row.metric == name for row in whole)]
    if blind:
        out.append(
            f"Transport distances ({', '.join(blind)}) do not see a lack of variety in this plain form: a "
            "generator shrunk to 0.3 of the spread can be neither above nor below. Use --debias (debias=True)."
        )
    return out


def listed(names: Sequence[str]) -> str:
    """A list in words: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _verdict(table: Table, name: str) -> str:
    own = rows(table, name)
    good = [row for row in own if computed(row)]
    below = [row for row in good if row.below]
    above = [row for row in good if row.above]
    neither = [row for row in good if not (row.above or row.below)]

    def by(some: list[Row], every: str) -> str:
        whole = len(some) == len(good) > 2
        return f"by {every} {len(good)} distances" if whole else f"by {_names(some)}"

    parts = []
    if below:
        parts.append(
            f"nearer to the real points than these are to each other {by(below, 'all')} (it varies less than real "
            "data, or copies it)"
        )
    if above:
        parts.append(f"told apart from real data {by(above, 'all')}")
    if neither and above:
        parts.append(f"not {by(neither, 'any of')}")
    elif neither:
        parts.append(f"not told apart from real data {by(neither, 'any of')}")
    said = f"{'; '.join(parts)}." if parts else "no distance could be computed."
    apart, of = _classes_apart(rows(table, name, by_class=True))
    if neither and not above and apart:
        whole = "" if below else " as a whole"
        are = "is told apart" if apart == 1 else "are told apart"
        said = f"{'; '.join(parts)}{whole}; but {apart} of {of} classes {are}, see below."
    elif neither and not above and not below:
        said += " That is no proof of being the same: more points show smaller differences."
    lost = [f"{metric(row.metric)} ({one_line(row.status)})" for row in own if not computed(row)]
    if lost:
        said += f" Not computed: {listed(lost)}."
    if len(table.num_synthetic) == 1:
        return _words.capital(said)
    return f"{one_line(name)}: {said}"


def _names(some: Iterable[Row]) -> str:
    return listed([metric(row.metric) for row in some])


def _closest(table: Table) -> list[str]:
    """Which of several generators is least above its floor, by each metric where that is clear."""
    names = generators(table)
    if len(names) < 2:
        return []
    wins: dict[str, list[str]] = {}
    unclear = []
    for measure in dict.fromkeys(row.metric for row in table.rows if row.label is None):
        own = [r for n in names for r in rows(table, n) if r.metric == measure and computed(r)]
        if len(own) < 2:
            continue
        # By excess, not by value: the floor of fewer points is higher.
        best, *others = sorted(own, key=lambda row: row.excess)
        nearer = best.below and not table.settings.get("debias")
        if not nearer and all(best.excess_high < row.excess_low for row in others):
            wins.setdefault(best.synthetic, []).append(metric(measure))
        else:
            unclear.append(metric(measure))
    parts = [f"{one_line(name)} by {listed(won)}" for name, won in wins.items()]
    if not parts:
        return ["No generator is clearly closest to real data by any distance."] if unclear else []
    tail = f"; not clear by {listed(unclear)}" if unclear else ""
    return [f"Closest to real data: {'; '.join(parts)}{tail}."]


def _by_label(own: Iterable[Row]) -> dict[int, list[Row]]:
    """Rows with a value, class by class."""
    by_label: dict[int, list[Row]] = {}
    for row in own:
        if row.label is not None and computed(row):
            by_label.setdefault(row.label, []).append(row)
    return by_label


def _classes_apart(own: Iterable[Row]) -> tuple[int, int]:
    """How many classes are told apart by most distances, of how many. Of many distances one soon is by chance."""
    by_label = _by_label(own)
    return sum(_mostly(row.above for row in some) for some in by_label.values()), len(by_label)


def _mostly(found: Iterable[bool]) -> bool:
    every = list(found)
    return 2 * sum(every) > len(every)


def _classes(table: Table, own: Sequence[Row]) -> str:
    """How many classes are told apart, and the worst: by most distances, then by the median distance."""
    by_label = _by_label(own)
    tail = "".join(f"; {reason}" for reason in _lost(table, own, by_label))
    if not by_label:
        return f"none could be computed{tail}" if tail else ""
    nearer = sum(_mostly(row.below for row in some) for some in by_label.values())
    if nearer:
        tail = f"; {nearer} nearer than real points are to each other by most distances{tail}"

    def badness(label: int) -> tuple[int, float]:
        ratios = [times(row) for row in by_label[label]]
        ratios = sorted(math.inf if math.isnan(ratio) else ratio for ratio in ratios)
        return sum(row.above for row in by_label[label]), ratios[len(ratios) // 2]

    above = [c for c in by_label if badness(c)[0]]
    if not above:
        return f"none of {len(by_label)} told apart by any distance{tail}"
    worst = sorted(above, key=badness, reverse=True)[:_NAMED]
    named = [
        f"{label(table, c)} ({badness(c)[0]} of {len(by_label[c])}{'' if at else ' distances'})"
        for at, c in enumerate(worst)
    ]
    most, of = _classes_apart(own)
    return f"{most or 'none'} of {of} told apart by most distances, worst {listed(named)}{tail}"


def _lost(table: Table, own: Iterable[Row], by_label: dict[int, list[Row]]) -> list[str]:
    """Classes without any value, by the reason."""
    reasons: dict[str, list[int]] = {}
    for row in own:
        if row.label is None or row.label in by_label:
            continue
        sides = _absent(table, row.synthetic, row.label)
        reason = (
            f"absent from {listed(sides)}" if sides else f"not computed: {one_line(row.status)}"
        )
        found = reasons.setdefault(reason, [])
        if row.label not in found:
            found.append(row.label)
    out = []
    for reason, labels in reasons.items():
        named = [label(table, c) for c in labels[:_LOST]]
        if len(labels) > _LOST:
            named.append(f"{len(labels) - _LOST} more")
        noun = "class {} is" if len(labels) == 1 else "classes {} are"
        out.append(f"{noun.format(listed(named))} {reason}")
    return out


def _absent(table: Table, name: str, index: int) -> list[str]:
    """The sides on which a class has no points: there the distances between classes are no numbers."""
    between = table.class_distances.get(name)
    if between is None or index >= len(between):
        return []
    sides = {"the real points": between[index], one_line(name): between[:, index]}
    empty = [side for side, numbers in sides.items() if np.isnan(numbers).all()]
    return empty if len(empty) < 2 else []


def _span(counts: Iterable[int]) -> str:
    counts = sorted(set(counts))
    if len(counts) == 1:
        return _words.integer(counts[0])
    return f"{_words.integer(counts[0])} to {_words.integer(counts[-1])}"
