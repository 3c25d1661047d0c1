"""What `compare` returns: one row a metric, class and generator, each beside its floor."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class Row:
    """One distance between real and synthetic points, and what real points show among themselves.

    Value and floor are means over the same random halves of the real points, at the same sample sizes.

    Attributes:
        metric: Its name, as in `distances.METRICS`.
        value: Real against synthetic; NaN where it could not be computed.
        low: Lower end of the interval of `value` (level of the table).
        high: Upper end.
        floor: Real against real: what chance alone shows at these sample sizes.
        floor_low: Lower end of what single real samples show.
        floor_high: Upper end.
        excess: value - floor.
        excess_low: Lower end of the interval of `excess`, from paired differences.
        excess_high: Upper end.
        sizes: Points on the real and on the synthetic side of each single distance.
        unit: What `value` is measured in.
        synthetic: The generator's name.
        label: The class both sides are restricted to; None for all points.
        status: "ok"; or why there is no value, or which resamples it does without.
    """

    metric: str
    value: float
    low: float
    high: float
    floor: float
    floor_low: float
    floor_high: float
    excess: float
    excess_low: float
    excess_high: float
    sizes: tuple[int, int]
    unit: str
    synthetic: str = "synthetic"
    label: int | None = None
    status: str = "ok"

    @property
    def above(self) -> bool:
        """Whether the interval of `excess`, paired half by half, lies above zero: the two are told apart."""
        return bool(self.excess_low > 0.0)

    @property
    def below(self) -> bool:
        """Whether it lies below zero: nearer than real points are to each other; less variety, or copies."""
        return bool(self.excess_high < 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """All rows of a comparison, with what is needed to read and redo them.

    Attributes:
        rows: All points first, metric by metric, then class by class; generator by generator.
        features: What the distances are computed on, e.g. "as given" or "random convolutional features (...)".
        level: Level of all intervals, e.g. 0.9.
        num_resamples: Random halves behind each row.
        num_real: Real points given.
        num_synthetic: Synthetic points given, by generator.
        class_distances: By generator, (k, k): W2 between Gaussians fitted to class i of the real and class j
            of the synthetic points (NaN where a class is empty); empty without labels.
        class_names: Names of the classes, or None.
        settings: Everything else that redoes the run.
        warnings: What a reader should know before relying on a row.
    """

    rows: tuple[Row, ...]
    features: str
    level: float
    num_resamples: int
    num_real: int
    num_synthetic: dict[str, int]
    class_distances: dict[str, Float[np.ndarray, "k k"]]
    class_names: tuple[str, ...] | None
    settings: dict[str, Any]
    warnings: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> Row:
        """The row of a metric over all points, for the first generator.

        Raises:
            KeyError: no such row; the message lists the metrics that have one.
        """
        for row in self.rows:
            if row.metric == metric and row.label is None:
                return row
        have = sorted({row.metric for row in self.rows})
        raise KeyError(f"no row for {metric!r}; this table has {', '.join(have)}")

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(table: Table) -> list[str]:
    several = len(table.num_synthetic) > 1
    head = ("distance", "value", "interval", "floor", "floor's interval", "excess", "")
    body = [
        (
            _name(table, row, several),
            f"{row.value:.4g}",
            f"{row.low:.4g} to {row.high:.4g}",
            f"{row.floor:.4g}",
            f"{row.floor_low:.4g} to {row.floor_high:.4g}",
            f"{row.excess:.4g}",
            _remark(row),
        )
        for row in table.rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *body)
    ]
    return [*lines, f"on: {table.features}"]


def _remark(row: Row) -> str:
    if row.status != "ok":
        return row.status
    return "above the floor" if row.above else "below the floor" if row.below else ""


def _name(table: Table, row: Row, several: bool) -> str:
    name = row.metric
    if row.label is not None:
        names = table.class_names or ()
        named = names[row.label] if row.label < len(names) else row.label
        name = f"{name}, class {named}"
    return f"{row.synthetic}: {name}" if several else name
