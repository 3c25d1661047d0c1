"""Fitted generators in files: one .npz archive of arrays, and JSON that says what they are. Never a pickle.

Generators are frozen dataclasses of arrays, numbers, names and other such records, so one walk over their fields
stores them all. What may be restored is the list `_kinds()`: a file names a class, and never code.
"""

import dataclasses
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from synthmix_jax import _atomic
from synthmix_jax.dataset import Dataset

FORMAT = 1
_REMEDY = "write it again with smx.generators.save(generator, path)."


def save(generator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted generator to a file that `load` reads back; it appears whole or not at all.

    Args:
        generator: One of this package; also a `Shifted` around one.
        path: A file name that ends in .npz; missing folders are made.

    Raises:
        ValueError: another ending, or a generator that is not of this package.
        OSError: the file cannot be written.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".npz":
        raise ValueError(f"path must end in .npz, got {path}.")
    arrays: dict[str, np.ndarray] = {}
    content = _packed(generator, "generator", arrays)
    if "kind" not in (content if isinstance(content, dict) else {}):
        raise ValueError(f"generator must be a fitted generator, got {type(generator).__name__}.")
    arrays["about"] = np.asarray(json.dumps({"format": FORMAT, "content": content}))
    _atomic.write(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


def load(path: str | os.PathLike[str]) -> Any:
    """Read a generator that `save` wrote.

    Args:
        path: The file.

    Returns:
        The generator: same class, same samples for the same key.

    Raises:
        ValueError: no file of a generator, a damaged one, or one of a newer version of this package.
        FileNotFoundError: no such file.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}.")
    arrays = _read(path)
    if "about" not in arrays:
        raise ValueError(
            f"{path} holds no generator but {', '.join(sorted(arrays)) or 'nothing'}; {_REMEDY}"
        )
    try:
        about = json.loads(str(arrays["about"]))
        version = about["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is damaged: what it holds cannot be read; {_REMEDY}") from error
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version!r} and this version reads {FORMAT}: update synthmix-jax, or {_REMEDY}"
        )
    try:
        return _unpacked(about["content"], arrays)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); {_REMEDY}") from error


def _kinds() -> dict[str, type]:
    """Classes that files may hold."""
    from . import SMOTE, ClassGaussian, ClassMixture, Flow, FlowConfig, JointGaussian, Seen, Shifted
    from ._lesions import LesionDials, LesionFacts, Lesions, Shapes, Tissue

    kinds = (ClassGaussian, ClassMixture, Flow, FlowConfig, JointGaussian, SMOTE, Shifted, Seen)
    kinds += (Lesions, LesionDials, LesionFacts, Shapes, Tissue)
    return {kind.__name__: kind for kind in kinds}


def _packed(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """JSON-like content of a value; its arrays go to `arrays`, named by where they stand."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | jax.Array):
        arrays[name] = np.asarray(value)
        return {"array": name, "device": isinstance(value, jax.Array)}
    if isinstance(value, tuple):
        return {"tuple": [_packed(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]}
    if isinstance(value, dict):
        return {"dict": {k: _packed(v, f"{name}.{k}", arrays) for k, v in value.items()}}
    if isinstance(value, Dataset):
        fields = {"x": value.x, "y": value.y}
        fields |= {"num_classes": value.num_classes, "class_names": value.class_names}
        return {"dataset": {k: _packed(v, f"{name}.{k}", arrays) for k, v in fields.items()}}
    if type(value).__name__ in _kinds() and type(value) is _kinds()[type(value).__name__]:
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        packed = {k: _packed(v, f"{name}.{k}", arrays) for k, v in fields.items()}
        return {"kind": type(value).__name__, "fields": packed}
    raise ValueError(
        f"{name} is a {type(value).__name__}, which cannot be saved; only generators of this package can: "
        f"{', '.join(_kinds())}."
    )


def _unpacked(content: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(content, dict):
        return content
    if "array" in content:
        array = arrays[content["array"]]
        return jax.numpy.asarray(array) if content["device"] else array
    if "tuple" in content:
        return tuple(_unpacked(v, arrays) for v in content["tuple"])
    if "dict" in content:
        return {k: _unpacked(v, arrays) for k, v in content["dict"].items()}
    if "dataset" in content:
        fields = {k: _unpacked(v, arrays) for k, v in content["dataset"].items()}
        return Dataset(fields.pop("x"), fields.pop("y"), **fields)
    kinds = _kinds()
    if content["kind"] not in kinds:
        raise ValueError(f"it holds a {content['kind']!r}, which this version does not know")
    fields = {k: _unpacked(v, arrays) for k, v in content["fields"].items()}
    return kinds[content["kind"]](**fields)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here: NumPy leaves a file open that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if not hasattr(archive, "files"):
                raise ValueError("one array, no archive")
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{path} is no readable .npz file ({error}); {_REMEDY}") from error
