"""Rows that pass by: blocks of one size from memory, a memory-mapped file or a host iterator."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthmix_jax import _matching
from synthmix_jax.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Stream:
    """Synthetic points that come block by block, more of them than memory holds.

    Arrays need none of this: a `Dataset` over `np.load(path, mmap_mode="r")` is read block by block too.

    Attributes:
        blocks: Called to begin from the start; gives an iterator of `Dataset`s, of any lengths, the same points
            each time.
        rows: Points in all.

    Raises:
        ValueError: `blocks` is no function, or `rows` no whole number of at least 1.
    """

    blocks: Callable[[], Iterable[Dataset]]
    rows: int
    _given: list[Any] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not callable(self.blocks):
            raise ValueError(
                f"blocks must be a function that begins an iterator of data sets, got a "
                f"{type(self.blocks).__name__}. A generator runs only once: give the function that makes it, "
                "without calling it."
            )
        if (
            isinstance(self.rows, bool)
            or not isinstance(self.rows, int | np.integer)
            or self.rows < 1
        ):
            raise ValueError(f"rows must be a whole number of at least 1, got {self.rows!r}.")

    def __len__(self) -> int:
        return self.rows

    def head(self) -> Dataset:
        """The first block.

        Raises:
            ValueError: there is none, or it is no `Dataset`.
        """
        return next(self.checked(), None) or _ended(0, self.rows)

    def checked(self) -> Iterator[Dataset]:
        """Its blocks that hold points.

        Raises:
            ValueError: a block is no `Dataset`, or `blocks` gave what it had given before.
        """
        begun = iter(self.blocks())
        if self._given and self._given[-1] is begun:
            raise ValueError(
                "the stream's blocks gave the same iterator twice, which would go on where it stopped. It must "
                "begin a new one each time: blocks=lambda: read(path), say, with a generator function read."
            )
        self._given[:] = [begun]
        for block in begun:
            if not isinstance(block, Dataset):
                raise ValueError(
                    f"the stream gave a {type(block).__name__}; each block must be a synthmix_jax.Dataset."
                )
            if len(block):
                yield block


class Reader:
    """Rows in order, from the first on."""

    def __init__(self, data: Dataset | Stream, *, like: Dataset | None = None):
        """Begin at the first row.

        Args:
            data: The points.
            like: What each block of a stream must match (features, targets, classes).
        """
        self._pieces = _pieces(data, like)
        self._held: Dataset | None = None
        self._at = self._wanted = 0

    def blocks(self, stop: int, size: int) -> Iterator[Dataset]:
        """The rows from here to `stop`, at most `size` at a time.

        Raises:
            ValueError: a stream that ends before, or whose blocks do not match.
        """
        while self._at < self._wanted:
            self._next(self._wanted)  # dropped
        while self._at < stop:
            parts, until = [], min(self._at + size, stop)
            while self._at < until:
                parts.append(self._next(until))
            yield parts[0] if len(parts) == 1 else _joined(parts)

    def skip(self, stop: int) -> None:
        """Go on from row `stop`; the rows before are dropped once later ones are asked for."""
        self._wanted = stop

    def _next(self, stop: int) -> Dataset:
        """What is at hand of the rows from here to `stop`."""
        if self._held is None or not len(self._held):
            self._held = next(self._pieces, None) or _ended(self._at, stop)
        lacking = stop - self._at
        part, self._held = self._held[:lacking], self._held[lacking:]
        self._at += len(part)
        return part


def _joined(parts: list[Dataset]) -> Dataset:
    """Small blocks as one: a block costs what a full one does."""
    x, y = (np.concatenate([np.asarray(getattr(part, name)) for part in parts]) for name in "xy")
    classes = [part.num_classes for part in parts if part.num_classes is not None]
    return Dataset(x, y, num_classes=max(classes, default=None))


def in_blocks(data: Dataset, size: int) -> Iterator[Dataset]:
    """All rows of a data set, at most `size` at a time."""
    return Reader(data).blocks(len(data), size)


def _pieces(data: Dataset | Stream, like: Dataset | None) -> Iterator[Dataset]:
    if isinstance(data, Dataset):
        yield data
        return
    for block in data.checked():
        if like is not None:
            _matching.check_match(like, block, "synthetic")
        yield block


def _ended(start: int, wanted: int) -> Dataset:
    raise ValueError(
        f"the stream of synthetic points ended after {start} rows, and {wanted} were announced or asked for. "
        "Set rows to what it holds, or ask for smaller counts."
    )


def padded(
    data: Dataset, classes: int | None, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, encoded targets and which rows count, on the host, filled up to `size` rows.

    Rows that do not count are copies of the first: no strange input to any kernel.

    Raises:
        ValueError: a label that the number of classes does not hold.
    """
    if classes is not None and (data.num_classes or 0) > classes:
        raise ValueError(
            f"a block of the stream has {data.num_classes} classes, and real points, test points and its first "
            f"block have {classes}. Give all of them the number of classes: Dataset(x, y, "
            f"num_classes={data.num_classes})."
        )
    x, y = np.asarray(data.x), _matching.encode_targets(data.y, classes)
    lacking = size - len(x)
    if lacking:
        x, y = (np.concatenate([a, np.repeat(a[:1], lacking, axis=0)]) for a in (x, y))
    return x, y, (np.arange(size) < size - lacking).astype(np.float64)
