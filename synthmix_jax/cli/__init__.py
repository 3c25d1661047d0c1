"""The command line: `synthmix COMMAND`, also `python -m synthmix_jax COMMAND`."""

from ._main import main as main

__all__ = ["main"]
