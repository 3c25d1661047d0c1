"""Batches as data: tables of row numbers that make a ratio a number in an array instead of an array's shape.

A model trains on its own rows of one pool (real points first, then synthetic ones), pass after pass, each pass in
a new random order. One permutation of the whole pool a pass and repetition serves all models: the order of the
rows that two models share is the same in both, so that models at neighbouring ratios differ by their
data and not by luck.
"""

import collections

import numpy as np
from jaxtyping import Float, Int

_BATCHES = 0x5EED  # keeps these random numbers apart from others made of the same seeds
_HELD = 8 * 2**20  # row numbers of one repetition: 32 MB


class Streams:
    """Endless streams of row numbers of a pool of `size` rows, for one repetition.

    The numbers depend on `seed`, `size` and the rows asked for alone: not on other models, on where a table
    starts, or on what was asked for before.
    """

    def __init__(self, seed: int, size: int):
        """Args: seed of the order, and rows of the pool."""
        self._seed, self._size = seed, size
        self._held: collections.OrderedDict[int, np.ndarray] = collections.OrderedDict()

    def table(
        self, rows: Int[np.ndarray, " n"], *, width: int, first: int, last: int
    ) -> Int[np.ndarray, "t b"]:
        """Batches number `first` to `last` - 1 of the model that trains on `rows`.

        Args:
            rows: The model's rows of the pool, each once.
            width: Rows a batch.
            first: First batch.
            last: One past the last batch.

        Returns:
            Row numbers (last - first, width) in int32; a batch may end one pass and begin the next.
        """
        if len(rows) == 0 or width == 0:
            return np.zeros((last - first, width), np.int32)
        mine = np.zeros(self._size, bool)
        mine[rows] = True
        begin, end = first * width, last * width
        passes = range(begin // len(rows), -(-end // len(rows)))
        parts = [order[mine[order]] for order in map(self._order, passes)]
        if not parts:
            return np.zeros((0, width), np.int32)
        offset = begin - passes.start * len(rows)
        stream = np.concatenate(parts)[offset : offset + end - begin]
        return stream.reshape(last - first, width)

    def _order(self, number: int) -> np.ndarray:
        """The permutation of the whole pool for one pass; those asked for last are held."""
        if number not in self._held:
            rng = np.random.default_rng([_BATCHES, self._seed, number])
            self._held[number] = rng.permutation(self._size).astype(np.int32)
            while len(self._held) > 1 and len(self._held) * self._size > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(number)
        return self._held[number]


def places(batch_size: int, share: float) -> tuple[int, int]:
    """Real and synthetic places of a batch in which the synthetic share of the loss shall be `share`.

    A positive share below one has at least one place of each kind; the weights of the places make the
    share exact.

    Raises:
        ValueError: a share outside [0, 1), or a batch of one place for two kinds.
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share must lie in [0, 1), got {share}.")
    if share == 0.0:
        return batch_size, 0
    if batch_size < 2:
        raise ValueError(
            f"batch_size is {batch_size}, but a batch of real and synthetic points needs at least 2."
        )
    synthetic = int(np.clip(np.floor(share * batch_size + 0.5), 1, batch_size - 1))
    return batch_size - synthetic, synthetic


def group_places(batch_size: int, shares: Float[np.ndarray, " g"]) -> tuple[int, ...]:
    """Places of a batch of several groups, in which each group's share of the loss shall be that of `shares`.

    Every group of positive share has at least one place; beyond that shares are rounded down and the places
    left go to the largest remainders, of equal ones to the later group. Of two groups these are `places`.

    Args:
        batch_size: Places (b).
        shares: Shares of the groups (g,), zero or more; their sum is one.

    Returns:
        Places of each group, b in all. Weights b share / places make the shares exact.

    Raises:
        ValueError: shares that are negative or do not sum to one, or fewer places than groups of positive share.
    """
    wanted = np.asarray(shares, np.float64)
    if not (np.isfinite(wanted).all() and (wanted >= 0).all() and abs(wanted.sum() - 1.0) < 1e-6):
        raise ValueError(
            f"shares must be zero or more and sum to one, got {wanted.tolist()}: divide them by their sum."
        )
    there = wanted > 0
    if batch_size < there.sum():
        raise ValueError(
            f"batch_size is {batch_size}, but a batch of {there.sum()} groups needs at least as many places."
        )
    exact = wanted * batch_size
    given = np.where(there, np.maximum(np.floor(exact), 1), 0).astype(np.int64)
    last = len(given) - 1
    while given.sum() < batch_size:
        given[last - np.argmax(np.where(there, exact - given, -np.inf)[::-1])] += 1
    while given.sum() > batch_size:  # groups too small for a place of their own have one
        given[np.argmin(np.where(given > 1, exact - given, np.inf))] -= 1
    return tuple(int(places) for places in given)
