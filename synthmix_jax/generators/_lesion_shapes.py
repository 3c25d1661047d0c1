"""Outlines of lesions: a library of signed distances, and the same outlines made simpler.

A signed distance is positive inside, in pixels. Unlike a mask it can be turned, scaled and interpolated without its
edge turning to steps. Every outline has an ellipse of the same area, centre and second moments, and a square of the
same area around its deepest pixel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from synthmix_jax._typing import Array

SCALES = (0.8, 1.25)
_WIDEST, _MOST, _SEED = 65, 4096, 0


@dataclass(frozen=True, eq=False)
class Shapes:
    """Outlines of two-dimensional parts of lesions, each in a window around its deepest point.

    Attributes:
        distances: Signed distances to the outline (k, w, w), in pixels, positive inside.
        outlines: Of each (k, 6): area; centre row and column from the window's middle; half axes a >= b of
            the ellipse; angle of the long axis.
    """

    distances: Float[Array, "k w w"] = field(repr=False)
    outlines: Float[Array, "k 6"] = field(repr=False)

    def __len__(self) -> int:
        return self.distances.shape[0]

    @classmethod
    def of(
        cls, library: Sequence[Bool[np.ndarray, "..."]], *, size: int, smallest: int
    ) -> "Shapes":
        """Parts of at least `smallest` pixels of all masks, for patches of `size` pixels.

        The window is as wide as a patch can see of a shape at its smallest scale, 65 at most; what sticks
        out of it is cut off.
        """
        width = min(_WIDEST, 2 * int(np.ceil(size * 0.7072 / SCALES[0])) + 3)
        found = [part for mask in library for _, part, _ in parts(mask, smallest)]
        if not found:
            raise ValueError(
                f"library holds no lesion of at least {smallest} pixels in a slice; give masks (x, y, z) of other "
                "patients with lesions."
            )
        if len(found) > _MOST:
            chosen = np.random.default_rng(_SEED).choice(len(found), _MOST, replace=False)
            found = [found[i] for i in np.sort(chosen)]
        found = [_in_window(part, width) for part in found]
        distances, outlines = (np.stack(values) for values in zip(*found, strict=True))
        return cls(jnp.asarray(distances, jnp.float16), jnp.asarray(outlines, jnp.float32))


def parts(
    mask: Bool[np.ndarray, "x y z"], smallest: int
) -> Iterator[tuple[int, np.ndarray, tuple[slice, slice]]]:
    """Connected parts of at least `smallest` pixels in each slice: slice number, the part alone, its box."""
    from scipy import ndimage

    for z in np.flatnonzero(mask.any(axis=(0, 1))):
        marked, _ = ndimage.label(mask[:, :, z])  # type: ignore[misc]
        sizes = np.bincount(marked.ravel())
        for number, box in enumerate(ndimage.find_objects(marked), start=1):
            if sizes[number] >= smallest:
                yield int(z), marked[box] == number, box


def signed_distance(mask: Bool[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Distance to the outline, which runs half way between neighbouring pixels; positive inside."""
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    return np.where(mask, inside - 0.5, 0.5 - outside)  # type: ignore[operator]


def deepest(part: Bool[np.ndarray, "h w"]) -> tuple[int, int]:
    """The pixel furthest from the outline; of several, the one nearest to their mean."""
    return _deepest(signed_distance(np.pad(part, 1))[1:-1, 1:-1])


def _deepest(depth: np.ndarray) -> tuple[int, int]:
    places = np.argwhere(depth == depth.max())
    nearest = np.argmin(((places - places.mean(axis=0)) ** 2).sum(axis=1))
    return int(places[nearest][0]), int(places[nearest][1])


def _in_window(part: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Signed distances (width, width) around the deepest pixel, and moments as in `Shapes.outlines`."""
    half = width // 2
    depth = signed_distance(np.pad(part, half))
    row, column = _deepest(depth)
    row, column = row - half, column - half
    window = depth[row : row + width, column : column + width]
    return window.astype(np.float16), _outline(part, row, column)


def _outline(part: np.ndarray, row: int, column: int) -> np.ndarray:
    pixels = np.argwhere(part) - (row, column)
    area, centre = len(pixels), pixels.mean(axis=0)
    off = pixels - centre
    spread = off.T @ off / area + np.eye(2) / 12.0  # a pixel is a square
    values, vectors = np.linalg.eigh(spread)
    axes = np.sqrt(values[::-1])
    axes *= np.sqrt(area / (np.pi * axes.prod()))
    return np.array([area, *centre, *axes, np.arctan2(vectors[1, 1], vectors[0, 1])])


def distance(
    window: Float[jax.Array, "w w"],
    outline: Float[jax.Array, " 6"],
    rows: Float[jax.Array, "h v"],
    columns: Float[jax.Array, "h v"],
    straight: tuple[jax.Array, jax.Array],
    simpler: Float[jax.Array, ""] | float,
) -> jax.Array:
    """Signed distance of a shape at given places, from its outline (0) by its ellipse (1/2) to a square (1).

    Args:
        window: Signed distances around the shape's deepest point.
        outline: Its moments, a row of `Shapes.outlines`.
        rows: Places in the window, relative to its middle, and so are `columns`.
        columns: See there.
        straight: Places (rows, columns) along the axes that the square is to have.
        simpler: In [0, 1]; in between, the distances are interpolated.
    """
    area, row, column, long, short, angle = outline
    y, x = rows - row, columns - column
    along = jnp.cos(angle) * y + jnp.sin(angle) * x, jnp.cos(angle) * x - jnp.sin(angle) * y
    given, ellipse = _interpolated(window, rows, columns), _ellipse(*along, long, short)
    square = _square(*straight, 0.5 * jnp.sqrt(area))
    first, second = jnp.clip(2.0 * simpler, 0.0, 1.0), jnp.clip(2.0 * simpler - 1.0, 0.0, 1.0)
    rounder = jnp.where(first == 0.0, given, given + first * (ellipse - given))
    return jnp.where(second == 0.0, rounder, rounder + second * (square - rounder))


def _interpolated(window: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Bilinear in the window; beyond it, what its edge holds less the way there."""
    half = window.shape[0] // 2
    y, x = jnp.clip(rows, -half, half), jnp.clip(columns, -half, half)
    beyond = jnp.hypot(rows - y, columns - x)
    low_y, low_x = (jnp.clip(jnp.floor(v), -half, half - 1) for v in (y, x))
    i, j = ((v + half).astype(jnp.int32) for v in (low_y, low_x))
    t, u = y - low_y, x - low_x
    corner = lambda a, b: window[i + a, j + b].astype(jnp.float32)
    top = corner(0, 0) + u * (corner(0, 1) - corner(0, 0))
    bottom = corner(1, 0) + u * (corner(1, 1) - corner(1, 0))
    inner = top + t * (bottom - top)
    return inner - beyond


def _ellipse(u: jax.Array, v: jax.Array, long: jax.Array, short: jax.Array) -> jax.Array:
    """Distance to an ellipse to first order: exact on its outline and for circles."""
    radius = jnp.hypot(u / long, v / short)
    slope = jnp.hypot(u / long**2, v / short**2)
    middle = slope < 1e-6
    return jnp.where(middle, short, radius * (1.0 - radius) / jnp.where(middle, 1.0, slope))


def _square(y: jax.Array, x: jax.Array, half: jax.Array) -> jax.Array:
    dy, dx = jnp.abs(y) - half, jnp.abs(x) - half
    outside = jnp.hypot(jnp.maximum(dy, 0.0), jnp.maximum(dx, 0.0))
    return -(outside + jnp.minimum(jnp.maximum(dy, dx), 0.0))


jax.tree_util.register_dataclass(Shapes, data_fields=["distances", "outlines"], meta_fields=[])
