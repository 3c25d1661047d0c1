"""Decoded arrays kept on disk and memory-mapped: built once, checked on every use.

An entry is a folder `<cache>/<name>` with one .npy file an array and `index.json`, written last,
which holds each array's shape, dtype and CRC-32. An entry that does not agree with its index
(half-written, damaged) is built again. The check reads the files through once: 40 ms for CIFAR-10.
"""

import functools
import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from synthmix_jax import _atomic

_LAYOUT = 1  # counted up when the content of entries changes its meaning
_INDEX = "index.json"


def directory() -> Path:
    """The cache: SYNTHMIX_CACHE_DIR, else synthmix-jax in XDG_CACHE_HOME or ~/.cache."""
    chosen = os.environ.get("SYNTHMIX_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser().absolute() / "synthmix-jax"


def fingerprint(files: Iterable[Path], *, content_of: Iterable[Path] = ()) -> str:
    """Sixteen hexadecimal digits that change when files are renamed, resized or replaced.

    Args:
        files: Their names and sizes count.
        content_of: Small files whose content counts too.
    """
    digest = hashlib.sha256(f"layout {_LAYOUT}".encode())
    for file in sorted(files):
        digest.update(f"\n{file.name} {file.stat().st_size}".encode())
    for file in content_of:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def fetch(name: str, build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of an entry, building it where it is absent or damaged.

    Two processes that build the same entry at once write equal files, and both succeed.

    Args:
        name: The entry: what it is, and the fingerprint of what it was made from.
        build: Makes the arrays; called at most once.

    Returns:
        Read-only memory maps; the arrays themselves, with a warning, where nothing can be written.
    """
    folder = directory() / name
    found = _open(folder)
    if found is not None:
        return found
    arrays = build()
    try:
        _store(folder, arrays)
    except OSError as error:
        warnings.warn(
            f"the cache {folder} cannot be written ({error}); the data is kept in memory, and the "
            "next load decodes it again. Name a writable folder in SYNTHMIX_CACHE_DIR.",
            stacklevel=2,
        )
        return arrays
    return _open(folder) or arrays


def _store(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    index = {}
    for key, array in arrays.items():
        array = np.ascontiguousarray(array)
        _atomic.write(folder / f"{key}.npy", functools.partial(np.save, arr=array))
        index[key] = _seal(array)
    text = json.dumps(index).encode()
    _atomic.write(folder / _INDEX, lambda file: file.write(text))


def _open(folder: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an entry, or None where it is not whole."""
    try:
        index = json.loads((folder / _INDEX).read_bytes())
        arrays = {
            key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False) for key in index
        }
        whole = all(_seal(arrays[key]) == seal for key, seal in index.items())
    except (OSError, ValueError, AttributeError, TypeError, EOFError):
        return None
    return arrays if whole and arrays else None


def _seal(array: np.ndarray) -> dict[str, object]:
    """What tells an array from a damaged copy of it."""
    crc = zlib.crc32(array.reshape(-1).view(np.uint8).data)
    return {"shape": list(array.shape), "dtype": array.dtype.str, "crc32": crc}
