"""Where data lies: the data directory, its customary folders, and the error when there is none."""

import os
from collections.abc import Sequence
from pathlib import Path


def data_directory(data_dir: str | os.PathLike[str] | None) -> Path:
    """The folder that holds data sets, which need not exist.

    Args:
        data_dir: The caller's choice; None for SYNTHMIX_DATA_DIR, else where TFDS keeps its data
            (TFDS_DATA_DIR, else ~/tensorflow_datasets).
    """
    chosen = data_dir or os.environ.get("SYNTHMIX_DATA_DIR") or os.environ.get("TFDS_DATA_DIR")
    return Path(chosen or "~/tensorflow_datasets").expanduser().absolute()


def candidates(root: Path, names: Sequence[str]) -> list[Path]:
    """The sub-folders of `root` to look in, in order, and last `root` itself."""
    return [*(root / name for name in names), root]


def check_split(what: str, split: str, splits: Sequence[str]) -> None:
    """Raise ValueError unless `split` is among `splits`, which are those that exist."""
    if split not in splits:
        there = ", ".join(map(repr, splits))
        raise ValueError(f"{what} has no split {split!r}; it has {there}.")


def check_whole(what: str, split: str) -> None:
    """Raise ValueError where one of several parts is asked of data that comes as one."""
    if split not in ("train", "all"):
        raise ValueError(
            f"{what} comes as one part, and split={split!r} asks for another. Leave split out, and "
            "divide it afterwards: smx.load(...).split(0.8, key=jax.random.key(0))."
        )


def not_found(what: str, looked: Sequence[Path], remedy: str) -> FileNotFoundError:
    """The error for data that is nowhere: what, every folder looked in, and what fills it."""
    places = "\n".join(f"  {folder}" for folder in looked)
    return FileNotFoundError(
        f"{what} was not found. Looked in\n{places}\n{remedy}\n"
        "Data that lies elsewhere is found by data_dir=... or the variable SYNTHMIX_DATA_DIR."
    )
