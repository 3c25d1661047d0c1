"""Rows that pass by: blocks of one size from memory, a memory-mapped file or a host iterator."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

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
    """

    blocks: Callable[[], Iterable[Dataset]]
    rows: int

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
            ValueError: a block is no `Dataset`.
        """
        for block in self.blocks():
            if not isinstance(block, Dataset):
                raise ValueError(
                    f"the stream gave a {type(block).__name__}; each block must be a synthmix_jax.Dataset."
                )
            if len(block):
                yield block


def in_blocks(
    data: Dataset | Stream, edges: list[int], size: int, *, like: Dataset | None = None
) -> Iterator[tuple[int, Dataset]]:
    """Blocks of at most `size` rows, none of which crosses an edge.

    Args:
        data: The points.
        edges: Strictly increasing row numbers, the last of which ends the pass.
        size: Most rows of a block.
        like: What each block of a stream must match (features, targets, classes).

    Yields:
        Which stretch between edges the block lies in, and the block.

    Raises:
        ValueError: a stream that ends before the last edge, or whose blocks do not match.
    """
    pieces = _pieces(data, like)
    held: Dataset | None = None
    start = 0
    for stretch, edge in enumerate(edges):
        while start < edge:
            if held is None or not len(held):
                held = next(pieces, None) or _ended(start, edge)
            take = min(size, edge - start, len(held))
            yield stretch, held[:take]
            held, start = held[take:], start + take


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
    """
    x, y = np.asarray(data.x), _matching.encode_targets(data.y, classes)
    lacking = size - len(x)
    if lacking:
        x, y = (np.concatenate([a, np.repeat(a[:1], lacking, axis=0)]) for a in (x, y))
    return x, y, (np.arange(size) < size - lacking).astype(np.float64)
