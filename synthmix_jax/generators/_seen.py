"""What a generator was fitted on: enough to tell later whether it has seen a point, and none of the points."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, UInt64

from synthmix_jax import _numerics
from synthmix_jax.dataset import Dataset

_BLOCK = 4096
_MIDDLE = 3


@dataclass(frozen=True, eq=False)
class Seen:
    """The record of a data set.

    Inputs are compared as float32, uint8 images as x / 255, so that a file written and read again is the same
    data. Two records are equal where they hold the same points, in any order.

    Attributes:
        shape: Shape of one input.
        class_counts: Points of each class; None for regression.
        rows: A hash of every input (n,), sorted.
        middle: None where hashes are of whole inputs. Of images whose patches may be cut anywhere, every pixel
            counts as an input, and hashes are of the square of this many pixels around it: a patch's middle.
    """

    shape: tuple[int, ...]
    class_counts: tuple[int, ...] | None
    rows: UInt64[np.ndarray, " n"] = field(repr=False)
    middle: int | None = None

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

    @classmethod
    def of_patches(
        cls,
        images: Sequence[Float[np.ndarray, "h w s c"]],
        labels: Sequence[Int[np.ndarray, "h w s"]],
        size: int,
    ) -> "Seen":
        """The record of all patches (size, size, c) that can be cut from slices of images.

        Args:
            images: Slices (h, w, s, c), each a stack of s.
            labels: Class of the patch around each pixel; negative where none is cut, and at the borders.
            size: Pixels of a patch along each side.
        """
        rows, kept = [], []
        for image, label in zip(images, labels, strict=True):
            where = np.argwhere(label >= 0)
            y, x, z = where.T
            near = range(-(_MIDDLE // 2), _MIDDLE // 2 + 1)
            squares = np.stack([image[y + i, x + j, z] for i in near for j in near], axis=1)
            # Flat squares, such as empty ones, are alike everywhere.
            varied = np.ptp(squares, axis=1).any(axis=1)
            rows.append(_mixed(squares[varied]))
            kept.append(label[label >= 0][varied])
        counts = np.bincount(np.concatenate(kept), minlength=2)
        shape = (size, size, images[0].shape[3])
        return cls(shape, tuple(map(int, counts)), np.sort(np.concatenate(rows)), _MIDDLE)

    def share_of(self, data: Dataset) -> float:
        """Share of the inputs of `data` that are among those seen, in [0, 1]; 0 for no data."""
        if len(data) == 0 or tuple(data.x.shape[1:]) != self.shape:
            return 0.0
        return float(np.isin(_hashes(data, self.middle), self.rows).mean())

    def with_points(self, data: Dataset) -> "Seen":
        """The record of these points and of those of `data` that are not among them."""
        hashes = _hashes(data, self.middle)
        unseen = np.flatnonzero(~np.isin(hashes, self.rows))
        new = data[unseen]
        if len(new) == 0:
            return self
        more, counts = Seen.of(new), None
        if self.class_counts is not None and more.class_counts is not None:
            counts = tuple(a + b for a, b in zip(self.class_counts, more.class_counts, strict=True))
        rows = np.sort(np.concatenate([self.rows, hashes[unseen]]))
        return Seen(self.shape, counts, rows, self.middle)

    def _content(self) -> tuple:
        return self.shape, self.class_counts, self.rows.tobytes(), self.middle


def _hashes(data: Dataset, middle: int | None = None) -> np.ndarray:
    if middle is not None:
        return _of_middles(np.asarray(data.x), middle)
    found = np.zeros(len(data), np.uint64)
    for start in range(0, len(data), _BLOCK):
        rows = np.asarray(_numerics.as_rows(np.asarray(data.x[start : start + _BLOCK])))
        rows = np.ascontiguousarray(rows, np.float32) + np.float32(0.0)  # -0 is 0
        digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
        found[start : start + len(rows)] = np.frombuffer(b"".join(digests), "<u8")
    return found


def _of_middles(x: np.ndarray, middle: int) -> np.ndarray:
    """Hashes of the squares in the middle of images (n, h, w, c)."""
    y, z = (size // 2 - middle // 2 for size in x.shape[1:3])
    return _mixed(x[:, y : y + middle, z : z + middle])


def _mixed(squares: np.ndarray) -> np.ndarray:
    """One hash a row, of millions at once (FNV-1a, word by word)."""
    words = np.ascontiguousarray(_numerics.as_rows(squares), np.float32) + np.float32(0.0)
    found = np.full(len(words), 14695981039346656037, np.uint64)
    for column in words.view(np.uint32).T:
        found = (found ^ column) * np.uint64(1099511628211)
    return found
