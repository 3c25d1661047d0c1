"""(being written)"""

from pathlib import Path
from synthmix_jax.dataset import Dataset


def read(path: Path, split: str) -> Dataset:
    """Read."""
    raise NotImplementedError
