"""What several processes agree upon: errors, flags and numbers, exchanged where all of them meet.

Every function is a collective: all processes of `jax.distributed` call it at the same place. With one process it
costs nothing.
"""

import jax
import numpy as np

_MESSAGE_BYTES = 4096


def agree(error: str | None) -> None:
    """A barrier at which all processes fail if one of them has to: none waits for one that is gone.

    Args:
        error: What is wrong on this process; None where nothing is.

    Raises:
        ValueError: the first process's error, on all of them.
    """
    first = first_of_all(error or "")
    if first:
        raise ValueError(first)


def any_of(flag: bool) -> bool:
    """Whether any process says yes."""
    return bool(first_of_all("yes" if flag else ""))


def first_of_all(text: str) -> str:
    """The first text of any process that is not empty, on all of them."""
    return next(filter(None, _of_all(text)), "")


def least(value: float) -> float:
    """The least value of all processes."""
    return min(float(text) for text in _of_all(repr(float(value))))


def _of_all(text: str) -> list[str]:
    """What every process says, in the order of the processes."""
    if jax.process_count() == 1:
        return [text]
    from jax.experimental import multihost_utils

    sent = np.zeros(_MESSAGE_BYTES, np.uint8)
    words = np.frombuffer(text.encode()[:_MESSAGE_BYTES], np.uint8)
    sent[: len(words)] = words
    heard = np.asarray(multihost_utils.process_allgather(sent))
    return [row.tobytes().rstrip(b"\0").decode(errors="replace") for row in heard]
