"""Five ways to spoil a photograph, in five strengths: blur, noise, contrast, JPEG and pixelation.

After the corruptions of Hendrycks and Dietterich (2019), Benchmarking neural network robustness to common
corruptions and perturbations, written anew and small: uint8 images (n, height, width, 3) to uint8 images of the
same shape. Strengths are our own, chosen on training images: from hardly felt to most images misclassified.
"""

import io

import numpy as np

STRENGTHS: dict[str, tuple[float, ...]] = {
    "blur": (0.5, 0.8, 1.2, 2.0, 3.0),  # standard deviation of a Gaussian, in pixels
    "noise": (0.05, 0.1, 0.2, 0.35, 0.5),  # standard deviation, of a range of one
    "contrast": (0.7, 0.5, 0.35, 0.2, 0.1),  # what is left of it
    "jpeg": (50, 20, 10, 5, 2),  # quality
    "pixelate": (20, 16, 10, 8, 5),  # pixels along a side
}
KINDS = tuple(STRENGTHS)


def corrupt(x: np.ndarray, kind: str, strength: int, *, seed: int) -> np.ndarray:
    """Corrupted copies of images.

    Args:
        x: uint8 images (n, height, width, 3).
        kind: One of `KINDS`.
        strength: 1 to 5.
        seed: Of the noise; the other corruptions draw nothing. Image i has the same noise whatever comes after it.

    Returns:
        uint8 images (n, height, width, 3).

    Raises:
        ValueError: images of another type or shape, or no such corruption or strength.
    """
    x = np.asarray(x)
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[3] != 3:
        raise ValueError(
            f"x must be uint8 images (n, height, width, 3), got {x.dtype} of shape {x.shape}."
        )
    if kind not in STRENGTHS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    if strength not in range(1, 6):
        raise ValueError(f"strength must be 1, 2, 3, 4 or 5, got {strength!r}.")
    amount = STRENGTHS[kind][strength - 1]
    if kind == "jpeg":
        return _jpeg(x, int(amount))
    values = x.astype(np.float32)
    if kind == "blur":
        values = _blurred(values, amount)
    elif kind == "pixelate":
        values = _pixelated(values, int(amount))
    elif kind == "contrast":
        mean = values.mean(axis=(1, 2, 3), keepdims=True)
        values = mean + amount * (values - mean)
    else:
        rng = np.random.default_rng(seed)
        values += 255.0 * amount * rng.standard_normal(values.shape, np.float32)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _blurred(x: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian blur, mirrored at the border; a product with one matrix a side, as filters of lines are linear."""
    rows, columns = (_blur_matrix(side, deviation) for side in x.shape[1:3])
    return _both_sides(x, rows, columns)


def _blur_matrix(side: int, deviation: float) -> np.ndarray:
    """The filter of a line of pixels, (side, side); the Gaussian is cut at four deviations."""
    reach = int(4.0 * deviation + 0.5)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    taps /= taps.sum()
    matrix = np.zeros((side, side))
    for row in range(side):
        for tap, weight in enumerate(taps):
            at = (row + tap - reach) % (2 * side)
            matrix[row, min(at, 2 * side - 1 - at)] += weight
    return matrix


def _pixelated(x: np.ndarray, size: int) -> np.ndarray:
    """Means over `size` x `size` cells of equal area, and each pixel the cell that its centre lies in."""
    rows, columns = (_cell_matrix(side, size) for side in x.shape[1:3])
    return _both_sides(x, rows, columns)


def _cell_matrix(side: int, size: int) -> np.ndarray:
    """Means over equal parts of a line and back, (side, side); a pixel across a border counts by its part."""
    edges = np.arange(size + 1) * side / size
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    means = np.maximum(overlap, 0.0) * size / side
    return means[((pixels + 0.5) * size / side).astype(int)]


def _both_sides(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    rows, columns = rows.astype(np.float32), columns.astype(np.float32)
    down = np.einsum("ij,njkc->nikc", rows, x, optimize=True)
    return np.einsum("kl,nilc->nikc", columns, down, optimize=True)


def _jpeg(x: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    result = np.empty_like(x)
    for i, image in enumerate(x):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        result[i] = np.asarray(Image.open(file))
    return result
