"""Distances in words: by which the synthetic points are told apart from real ones, and in which classes.

Everything is measured in units of the upper end of the floor, the most that chance shows: above one, real and
synthetic points are told apart. The mean floor would not do as a unit: that of the MMD is near zero.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import _words

if TYPE_CHECKING:
    from synthmix_jax.distances import Row, Table
else:
    # Distances load OTT, which a reader of finished tables does without.
    Row = Table = Any

# Classes that are named before "and so on".
_NAMED = 3


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
    """A metric's name as it is written."""
    return one_line(name.replace("_", " "))


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
    """Values that rest on part of the resamples, values below the floor, then the table's own warnings."""
    several = len(table.num_synthetic) > 1
    partial = [
        f"{one_line(row.synthetic) + ', ' if several else ''}{metric(row.metric)}: {one_line(row.status)}."
        for row in table.rows
        if row.label is None and computed(row) and row.status != "ok"
    ]
    return [*partial, *_nearer(table), *map(one_line, table.warnings)]


def floor_note(table: Table) -> str:
    """What the floor is, in one line."""
    return (
        "Floor: real points against other real points at the same sizes, which is what chance alone shows. "
        f"Above: beyond the upper end of its {_words.percent(table.level)} interval."
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


def _nearer(table: Table) -> list[str]:
    """Generators that lie nearer to the real points than these to each other, by which distances."""
    if table.settings.get("debias"):
        return []
    out = []
    for name in generators(table):
        below = [metric(row.metric) for row in rows(table, name) if computed(row) and row.below]
        if below:
            out.append(
                f"{one_line(name)} is nearer to the real points than these are to each other, by {listed(below)}: "
                "it varies less, or copies them. Such distances do not rank generators; debiased ones do "
                "(--debias, debias=True)."
            )
    return out


def listed(names: Sequence[str]) -> str:
    """A list in words: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _verdict(table: Table, name: str) -> str:
    own = rows(table, name)
    good = [row for row in own if computed(row)]
    above = [metric(row.metric) for row in good if row.above]
    below = [metric(row.metric) for row in good if not row.above]
    lost = [f"{metric(row.metric)} ({one_line(row.status)})" for row in own if not computed(row)]
    if not good:
        said = "No distance could be computed."
    elif not below:
        all_of = f"all {len(above)} distances: " if len(above) > 1 else ""
        said = f"Told apart from real data by {all_of}{listed(above)}."
    elif not above:
        said = (
            f"Not told apart from real data by {listed(below)}. That is no proof of being the same: more "
            "points show smaller differences."
        )
    else:
        said = f"Told apart from real data by {listed(above)}; not by {listed(below)}."
    if lost:
        said += f" Not computed: {listed(lost)}."
    if len(table.num_synthetic) == 1:
        return said
    return f"{one_line(name)}: {said[0].lower()}{said[1:]}"


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


def _classes(table: Table, own: Iterable[Row]) -> str:
    """How many classes are told apart, and the worst: by most distances, then by the median distance."""
    by_label: dict[int, list[Row]] = {}
    lost = set()
    for row in own:
        if row.label is not None and computed(row):
            by_label.setdefault(row.label, []).append(row)
        elif row.label is not None:
            lost.add(row.label)
    lost -= set(by_label)
    tail = f"; {_words.integer(len(lost))} not computed" if lost else ""
    if not by_label:
        return "none could be computed" if lost else ""

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
    # Of many distances one is soon above by chance.
    most = sum(2 * badness(c)[0] > len(by_label[c]) for c in above)
    return f"{most or 'none'} of {len(by_label)} told apart by most distances, worst {listed(named)}{tail}"


def _span(counts: Iterable[int]) -> str:
    counts = sorted(set(counts))
    if len(counts) == 1:
        return _words.integer(counts[0])
    return f"{_words.integer(counts[0])} to {_words.integer(counts[-1])}"
