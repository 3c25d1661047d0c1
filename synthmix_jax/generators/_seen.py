"""What a generator was fitted on: enough to tell later whether it has seen a point, and none of the points."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt64

from synthmix_jax import _numerics
from synthmix_jax.dataset import Dataset

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Seen:
    """The record of a data set.

    Inputs are compared as float32, uint8 images as x / 255, so that a file written and read again is the same
    data. Two records are equal where they hold the same points, in any order.

    Attributes:
        shape: Shape of one input.
        class_counts: Points of each class; None for regression.
        rows: A hash of every input (n,), sorted.
    """

    shape: tuple[int, ...]
    class_counts: tuple[int, ...] | None
    rows: UInt64[np.ndarray, " n"] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seen) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    @classmethod
    def of(cls, data: Dataset) -> "Seen":
        """The record of `data`."""
        counts = None
        if data.num_classes is not None and not data.dense:
            counts = np.bincount(np.asarray(data.y), minlength=data.num_classes)
            counts = tuple(int(count) for count in counts)
        shape = tuple(int(size) for size in data.x.shape[1:])
        return cls(shape, counts, np.sort(_hashes(data)))

    def share_of(self, data: Dataset) -> float:
        """Share of the inputs of `data` that are among those seen, in [0, 1]; 0 for no data."""
        if len(data) == 0 or tuple(data.x.shape[1:]) != self.shape:
            return 0.0
        return float(np.isin(_hashes(data), self.rows).mean())

    def with_points(self, data: Dataset) -> "Seen":
        """The record of these points and of those of `data` that are not among them."""
        new = data[np.flatnonzero(~np.isin(_hashes(data), self.rows))]
        if len(new) == 0:
            return self
        more, counts = Seen.of(new), None
        if self.class_counts is not None and more.class_counts is not None:
            counts = tuple(a + b for a, b in zip(self.class_counts, more.class_counts, strict=True))
        return Seen(self.shape, counts, np.sort(np.concatenate([self.rows, more.rows])))

    def _content(self) -> tuple:
        return self.shape, self.class_counts, self.rows.tobytes()


def _hashes(data: Dataset) -> np.ndarray:
    found = np.zeros(len(data), np.uint64)
    for start in range(0, len(data), _BLOCK):
        rows = np.asarray(_numerics.as_rows(np.asarray(data.x[start : start + _BLOCK])))
        rows = np.ascontiguousarray(rows, np.float32) + np.float32(0.0)  # -0 is 0
        digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
        found[start : start + len(rows)] = np.frombuffer(b"".join(digests), "<u8")
    return found
