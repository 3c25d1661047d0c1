"""MNIST as USPS has it: cropped to the digit, square, 16 x 16.

USPS images fill their frame; MNIST images have a wide border, and digits centred by their mass. A plain resize of
MNIST leaves digits too small: three times the errors on USPS that the images below leave.
"""

from functools import cache

import numpy as np
from jaxtyping import Float, Shaped


def like_usps(x: Shaped[np.ndarray, "n h w"], size: int = 16) -> Float[np.ndarray, "n s s"]:
    """Each image cropped to its bounding box, padded to a square and resized by areas.

    Args:
        x: Images, zero where nothing is drawn; uint8 counts as x / 255.
        size: Pixels along a side of the result.

    Returns:
        Images in [0, 1], float32. The mean over the padded square is kept.
    """
    scale = 255.0 if x.dtype == np.uint8 else 1.0
    return np.stack([resized(square(image / scale), size) for image in x]).astype(np.float32)


def square(image: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "s s"]:
    """The bounding box of what is not zero, with zeros on both shorter sides (one more below or on the right)."""
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        raise ValueError("an image is zero everywhere and has no bounding box. Leave it out.")
    box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    missing = [max(box.shape) - length for length in box.shape]
    return np.pad(box, [(m // 2, m - m // 2) for m in missing])


def resized(image: Float[np.ndarray, "s s"], size: int) -> Float[np.ndarray, "t t"]:
    """A square image at another size: each new pixel is the mean over the area that it covers."""
    shares = _overlaps(len(image), size)
    return shares @ image @ shares.T


@cache
def _overlaps(old: int, new: int) -> Float[np.ndarray, "t s"]:
    """Share of new pixel i that lies on old pixel j: rows sum to one, columns to new / old."""
    edges = np.arange(new + 1) * (old / new)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(old)
    covered = np.minimum(high, pixel + 1) - np.maximum(low, pixel)
    return np.clip(covered, 0.0, None) * (new / old)
