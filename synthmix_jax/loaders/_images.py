"""A folder of images, one sub-folder a class.

    flowers/                 or     flowers/
        daisy/1.png                     train/daisy/1.png
        rose/2.png                      test/rose/2.png

How an image becomes numbers: 8 bits stay uint8, which counts as x / 255; 16 bits become float32 as
x / 65535 (grey only: Pillow reads 16-bit colour as 8 bits); floats are kept. Where these meet, all
are float32. Grey stays grey unless one image is in colour; palettes are colour. What is transparent
is shown on white, as a browser does. A camera's note of how it was held (EXIF) is followed.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from synthmix_jax.dataset import Dataset
from synthmix_jax.loaders import _places, _progress

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_UNREAD_SUFFIXES = (".gif", ".heic", ".heif", ".avif", ".jp2", ".ppm", ".pgm", ".tga", ".svg")
_LAYOUT = (
    "A data set of images has one sub-folder a class, named after it, with the images inside: "
    "FOLDER/cat/1.png, FOLDER/dog/2.png"
)

Pixels = UInt8[np.ndarray, "h w *rgb"] | Float32[np.ndarray, "h w *rgb"]


def read(path: Path, split: str = "train") -> Dataset:
    """Read all images of a folder, ordered by class and then by file name.

    Hidden files, files that are no images, and folders inside a class are passed over.

    Args:
        path: The folder.
        split: Where the folder has sub-folders train and test, the one to read; classes are then
            those of all splits together. Otherwise "train" or "all", both the whole folder.

    Returns:
        Images x (n, h, w) or (n, h, w, 3), uint8 or float32 as the module describes.

    Raises:
        ValueError: Another split, another layout, an empty class, or an image that is damaged, of
            another size, or of a kind that is not read; the message names the file.
    """
    path = path.absolute()
    root, class_names = _layout(path, split)
    files = [
        (label, file)
        for label, name in enumerate(class_names)
        if (root / name).is_dir()
        for file in _images_of(root / name)
    ]
    images: list[Any] = []
    with warnings.catch_warnings():
        # Pillow only warns of a small file that unfolds into a huge image.
        warnings.simplefilter("error", _pillow().DecompressionBombWarning)
        for _, file in _progress.track(files, f"reading {path.name}"):
            images.append(decode(file))
            if images[-1].shape[:2] != images[0].shape[:2]:
                raise _size_error(file, images[-1], files[0][1], images[0])
    labels = np.asarray([label for label, _ in files], dtype=np.int64)
    try:
        return Dataset(_stack(images), labels, class_names=class_names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def decode(file: Path) -> Pixels:
    """The pixels of one image file.

    Args:
        file: A PNG, JPEG, BMP, TIFF or WebP, whatever its suffix.

    Returns:
        Grey (h, w) or colour (h, w, 3): uint8 in 0..255, or float32.

    Raises:
        ValueError: Not such an image, damaged, of several frames, of 32-bit integers, or so large
            that Pillow takes it for a decompression bomb.
    """
    from PIL import ImageOps

    try:
        with _pillow().open(file, formats=_FORMATS) as image:
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            pixels = _pixels(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow's readers meet damage with errors of many types
        remedy = "Replace it or take it out of the folder."
        raise ValueError(f"{file} cannot be read as an image ({error}). {remedy}") from error
    if frames > 1:
        raise ValueError(f"{file} holds {frames} frames; save each as an image of its own.")
    if pixels.dtype == np.int32:
        raise ValueError(
            f"{file} holds 32-bit integers ({pixels.min()} to {pixels.max()}), whose scale is not "
            "known. Save it with 8 or 16 bits, or as floats (TIFF)."
        )
    return pixels


def _pixels(image: Any) -> np.ndarray:
    if image.mode.startswith("I;16"):
        return np.asarray(image, np.float32) / np.float32(65535)
    if image.mode == "I":  # 32 bits in memory; older Pillow opens 16-bit PNG like this
        values = np.asarray(image, np.int32)
        fits = values.min() >= 0 and values.max() <= 65535
        return (values / 65535).astype(np.float32) if fits else values
    if image.mode == "F":
        return np.asarray(image, np.float32)
    grey = image.mode in ("1", "L", "LA", "La")
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        white = _pillow().new("RGBA", image.size, "white")
        image = _pillow().alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("L" if grey else "RGB"))


def _stack(images: list[Any]) -> np.ndarray:
    """One array (n, h, w[, 3]) of one dtype."""
    if any(image.dtype != np.uint8 for image in images):
        scale = np.float32(255)
        images = [im / scale if im.dtype == np.uint8 else im for im in images]
    if any(image.ndim == 3 for image in images):
        images = [im if im.ndim == 3 else np.stack([im] * 3, axis=-1) for im in images]
    return np.stack(images)


def _layout(path: Path, split: str) -> tuple[Path, tuple[str, ...]]:
    """The folder that holds the classes, and their names."""
    parts = _sub_folders(path)
    if {"train", "test"} <= {part.name for part in parts}:
        _places.check_split(str(path), split, [part.name for part in parts])
        root, classes = path / split, [inner for part in parts for inner in _sub_folders(part)]
    else:
        _places.check_whole(str(path), split)
        root, classes = path, parts
    if not _sub_folders(root):
        loose = any(_is_image(file) for file in root.iterdir())
        holds = "images without sub-folders" if loose else "no images"
        raise ValueError(f"{root} holds {holds}. {_LAYOUT}")
    return root, tuple(sorted({folder.name for folder in classes}))


def _images_of(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    unread = [file for file in files if file.suffix.lower() in _UNREAD_SUFFIXES]
    if unread:
        raise ValueError(
            f"{unread[0]} is of a type that is not read; convert it to one of "
            f"{', '.join(_FORMATS)}."
        )
    images = [file for file in files if _is_image(file)]
    if not images:
        inner = " but further folders" if _sub_folders(folder) else ""
        raise ValueError(
            f"the class {folder.name!r} is empty: {folder} holds no images{inner}. Fill it, or "
            f"remove the folder. {_LAYOUT}"
        )
    return images


def _is_image(file: Path) -> bool:
    named_so = file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
    return named_so and file.is_file()


def _sub_folders(path: Path) -> list[Path]:
    return sorted(
        inner for inner in path.iterdir() if inner.is_dir() and not inner.name.startswith(".")
    )


def _size_error(file: Path, image: Any, first_file: Path, first: Any) -> ValueError:
    size, wanted = image.shape[1::-1], first.shape[1::-1]
    return ValueError(
        f"{file} is {size[0]} x {size[1]} pixels (width x height), but {first_file} is "
        f"{wanted[0]} x {wanted[1]}; all images must share one size. Resize them first, with "
        f"Pillow: Image.open(file).resize({wanted}).save(file)"
    )


def _pillow() -> Any:
    from PIL import Image

    return Image
