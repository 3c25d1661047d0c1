"""Compiled programs are kept for the next call: JAX's persistent compilation cache, in the user's cache folder.

SYNTHMIX_CACHE=off does without, SYNTHMIX_CACHE=DIR names another folder; where JAX's own JAX_COMPILATION_CACHE_DIR
is set it holds. Only the command line does this: the library leaves JAX's settings alone.
"""

import contextlib
import hashlib
import os
import platform
import sys
import warnings
from pathlib import Path

VARIABLE = "SYNTHMIX_CACHE"
_OFF = ("off", "0", "no", "false", "none")
_MOST_BYTES = 256 * 10**6
_LEAST_SECONDS = (
    0.0  # even the least program is read in a hundredth of the time that XLA takes for it
)


def use() -> None:
    """Keep and find compiled programs; does nothing where the folder cannot be used."""
    import jax

    asked = os.environ.get(VARIABLE, "").strip()
    if asked.lower() in _OFF:
        return
    if jax.config.values["jax_compilation_cache_dir"] is None:
        folder = Path(asked).expanduser() if asked else _users() / "synthmix" / "xla"
        try:
            _prepare(folder)
        except (OSError, RuntimeError):  # read-only, full, no home: programs are compiled, as ever
            return
        jax.config.update("jax_compilation_cache_dir", str(folder / _machine()))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS)
    # A program that cannot be read or stored is compiled; the reader of the answer can do nothing about it.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation")


def _users() -> Path:
    """Where this system keeps what may be deleted."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".cache"


def _prepare(folder: Path) -> None:
    """Make the folder and keep it small.

    Raises:
        OSError: it cannot be written to, or is someone else's: who can write programs there runs code here.
    """
    here = folder / _machine()
    here.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and here.stat().st_uid != os.getuid():
        raise PermissionError(f"{here} belongs to another user")
    if not os.access(here, os.W_OK | os.X_OK):
        raise PermissionError(f"{here} cannot be written to")
    prune(folder, _MOST_BYTES)


def prune(folder: Path, most_bytes: int) -> None:
    """Delete what was not used for longest until four fifths of the bound are left; and files that hold nothing.

    JAX bounds its cache too, but only with a package that not everyone has.
    """
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):  # another call deletes too
                held = os.stat(path)
                found.append((max(held.st_atime, held.st_mtime), held.st_size, path))
    empty = [path for _, size, path in found if not size]
    total = sum(size for _, size, _ in found)
    left = total if total <= most_bytes else 0.8 * most_bytes
    for _, size, path in sorted(found):
        if total <= left:
            break
        total -= size
        empty.append(path)
    for path in empty:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _machine() -> str:
    """The kind of processor: a home folder may be shared by machines that do not run each other's programs."""
    words = [platform.system(), platform.machine()]
    with (
        contextlib.suppress(OSError),
        open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f,
    ):
        words += [next((line for line in f if line.startswith(("flags", "Features"))), "")]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
