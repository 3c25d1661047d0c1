"""Rows of results, sorted into cells."""

from collections.abc import Iterator

import numpy as np

NAMES = ("direction", "generator", "n")
CAVEAT = (
    "Intervals are 95 % (Student's t) over seeds: other source images, other target images, other generators and "
    "pools; the test images are the same."
)


def groups(rows: list[dict], kind: str) -> Iterator[tuple[dict, list[dict]]]:
    """Rows of a kind by direction, generator and n, seed by seed."""
    mine = [row for row in rows if row["kind"] == kind]
    for what in dict.fromkeys(tuple(row.get(name) for name in NAMES) for row in mine):
        found = [row for row in mine if tuple(row.get(name) for name in NAMES) == what]
        found.sort(key=lambda row: row.get("seed", 0))
        yield dict(zip(NAMES, what, strict=True)), found


def by_weight(row: dict, name: str = "wrong") -> np.ndarray:
    """Errors with the whole pool by weight, with no synthetic images first (1 + w,)."""
    errors = np.array(row[name])
    return np.concatenate([errors[:1, 0], errors[:, -1]])
