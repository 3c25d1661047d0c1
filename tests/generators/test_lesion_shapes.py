"""Signed distances, moments, and outlines made simpler."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthmix_jax.generators import _lesion_shapes
from synthmix_jax.generators._lesion_shapes import Shapes, deepest, distance, parts, signed_distance


def grid(size, scale=1.0):
    places = jnp.arange(size) - size // 2
    return jnp.meshgrid(places * scale, places * scale, indexing="ij")


def stacked(*images):
    """A volume of slices."""
    return np.stack(images, axis=2)


def ellipse_mask(size, long, short, angle):
    y, x = np.meshgrid(*[np.arange(size) - size // 2] * 2, indexing="ij")
    u, v = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
    return (u / long) ** 2 + (v / short) ** 2 < 1.0


def random_mask(rng, size=21):
    """A blob of several discs around the middle."""
    y, x = np.meshgrid(*[np.arange(size) - size // 2] * 2, indexing="ij")
    discs = [(0.0, 0.0, 3.0), *rng.uniform((-3, -3, 1.5), (3, 3, 3.0), size=(3, 3))]
    return np.any([(y - a) ** 2 + (x - b) ** 2 < r**2 for a, b, r in discs], axis=0)


def test_signed_distance_is_that_to_the_nearest_pixel_of_the_other_kind(rng):
    mask = random_mask(rng)
    places = np.argwhere(np.ones_like(mask))
    for inside in (True, False):
        own, other = places[(mask == inside).ravel()], places[(mask != inside).ravel()]
        apart = np.sqrt(((own[:, None] - other[None]) ** 2).sum(axis=2)).min(axis=1) - 0.5
        found = signed_distance(mask)[tuple(own.T)]
        np.testing.assert_allclose(found, apart if inside else -apart, atol=1e-12)


def test_parts_are_those_of_slices():
    mask = np.zeros((12, 12, 3), bool)
    mask[1:4, 1:4, 0] = True  # nine pixels
    mask[6:8, 6:8, 0] = True  # four: too small
    mask[1:4, 1:5, 2] = True
    mask[4, 5, 2] = True  # touches by a corner: another part, too small
    found = [(z, part.shape, box[0].start) for z, part, box in parts(mask, 8)]
    assert found == [(0, (3, 3), 1), (2, (3, 4), 1)]
    assert len(list(parts(mask, 4))) == 3
    assert list(parts(mask, 20)) == []


def test_the_middle_of_a_part_is_its_deepest_pixel():
    part = np.zeros((9, 9), bool)
    part[1:8, 1:8] = True
    assert deepest(part) == (4, 4)
    part[2:, 4:] = False
    assert part[deepest(part)]


def test_windows_hold_the_signed_distance_and_the_moments(rng):
    mask = random_mask(rng)
    shapes = Shapes.of([stacked(mask)], size=15, smallest=8)
    assert len(shapes) == 1
    window = np.asarray(shapes.distances[0], float)
    row, column = deepest(mask)
    half = window.shape[0] // 2
    wide = signed_distance(np.pad(mask, half + 2))
    expected = wide[row + 2 : row + 2 + 2 * half + 1, column + 2 : column + 2 + 2 * half + 1]
    np.testing.assert_allclose(window, expected, atol=0.01)  # kept in half precision
    area, y, x, long, short, _ = np.asarray(shapes.outlines[0], float)
    pixels = np.argwhere(mask)
    np.testing.assert_allclose(area, mask.sum())
    np.testing.assert_allclose((y, x), pixels.mean(axis=0) - (row, column), atol=1e-5)
    np.testing.assert_allclose(np.pi * long * short, area, rtol=1e-5)


@pytest.mark.parametrize("angle", [0.0, 0.5, 2.0])
def test_the_ellipse_of_an_ellipse_is_itself(angle):
    mask = ellipse_mask(41, 9.0, 4.5, angle)
    outline = np.asarray(Shapes.of([stacked(mask)], size=25, smallest=8).outlines[0])
    np.testing.assert_allclose(outline[3:5], (9.0, 4.5), rtol=0.04)  # pixels are coarse
    apart = (outline[5] - angle) % np.pi
    assert min(apart, np.pi - apart) < 0.05


@jax.jit
def at_dials(window, outline, dials, rows, columns):
    places = rows, columns
    return jax.vmap(lambda dial: distance(window, outline, *places, places, dial))(dials)


def test_the_dial_goes_from_the_outline_by_its_ellipse_to_a_square(rng):
    """Overlap with the real outline falls all the way, area stays, and the ends are what they are called."""
    dials = jnp.asarray([0.0, 0.25, 0.5, 0.75, 1.0])
    masks = [random_mask(rng) for _ in range(12)]
    shapes = Shapes.of([stacked(*masks)], size=21, smallest=8)
    y, x = grid(41)
    overlaps, sizes = [], []
    for window, outline in zip(shapes.distances, shapes.outlines, strict=True):
        found = np.asarray(at_dials(window, outline, dials, y, x)) > 0
        both = (found & found[0]).sum(axis=(1, 2)) / (found | found[0]).sum(axis=(1, 2))
        overlaps.append(both)
        sizes.append(found.sum(axis=(1, 2)) / float(outline[0]))
        square = np.maximum(np.abs(y), np.abs(x)) < 0.5 * np.sqrt(float(outline[0]))
        np.testing.assert_array_equal(found[-1], square)
    assert (np.diff(np.mean(overlaps, axis=0)) < 0).all()
    np.testing.assert_allclose(np.mean(sizes, axis=0), 1.0, atol=0.06)
    kept = np.asarray(at_dials(shapes.distances[0], shapes.outlines[0], dials, *grid(11)))[0]
    half = shapes.distances.shape[1] // 2
    inner = np.asarray(shapes.distances[0], np.float32)[half - 5 : half + 6, half - 5 : half + 6]
    np.testing.assert_array_equal(kept, inner)  # at zero, on pixels, the outline itself


def test_distances_of_ellipses_and_squares_against_closed_forms():
    y, x = grid(31, 0.5)
    circle = jnp.asarray([np.pi * 16.0, 0.0, 0.0, 4.0, 4.0, 0.3])
    found = at_dials(jnp.zeros((5, 5)), circle, jnp.asarray([0.5, 1.0]), y, x)
    np.testing.assert_allclose(found[0], 4.0 - np.hypot(y, x), atol=1e-5)
    half = 2.0 * np.sqrt(np.pi)
    dy, dx = np.abs(y) - half, np.abs(x) - half
    outside = np.hypot(np.maximum(dy, 0), np.maximum(dx, 0))
    np.testing.assert_allclose(found[1], -(outside + np.minimum(np.maximum(dy, dx), 0)), atol=1e-5)
    # An ellipse: exact to first order near its outline, along both axes.
    ellipse = jnp.asarray([np.pi * 18.0, 0.0, 0.0, 6.0, 3.0, 0.0])
    spots = jnp.asarray([[5.9, 0.0], [6.1, 0.0], [0.0, 2.9], [0.0, 3.1], [0.0, 0.0]])
    at = at_dials(jnp.zeros((5, 5)), ellipse, jnp.asarray([0.5]), spots[:, :1], spots[:, 1:])
    np.testing.assert_allclose(np.asarray(at[0]).ravel(), [0.1, -0.1, 0.1, -0.1, 3.0], atol=2e-3)


def test_beyond_its_window_a_distance_goes_on():
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    shapes = Shapes.of([stacked(mask)], size=5, smallest=8)
    far = jnp.asarray([[30.0]])
    found = at_dials(shapes.distances[0], shapes.outlines[0], jnp.zeros(1), far, 0.0 * far)
    np.testing.assert_allclose(found[0, 0, 0], -28.5, atol=0.02)


def test_large_libraries_are_thinned_and_empty_ones_refused(monkeypatch):
    many = np.zeros((6, 6, 60), bool)
    many[1:5, 1:5] = True
    many[1, 1, ::2] = False
    monkeypatch.setattr(_lesion_shapes, "_MOST", 40)
    shapes = Shapes.of([many], size=5, smallest=8)
    assert len(shapes) == 40
    sizes = np.asarray(shapes.outlines)[:, 0]
    assert 5 < (sizes == 16).sum() < 35  # from all of it
    with pytest.raises(
        ValueError, match="library holds no lesion of at least 20 pixels in a slice"
    ):
        Shapes.of([many], size=5, smallest=20)
