"""The record of the points a generator was fitted on."""

import numpy as np

import synthmix_jax as smx
from synthmix_jax.generators import Seen


def test_points_are_told_whatever_their_order_dtype_or_label(rng):
    pixels = rng.integers(0, 256, size=(5000, 3, 2), dtype=np.uint8)  # more than a block
    labels = np.arange(5000) % 4
    seen = Seen.of(smx.Dataset(pixels, labels))
    assert len(seen) == 5000
    assert seen.shape == (3, 2)
    assert seen.class_counts == (1250,) * 4
    again = smx.Dataset((pixels[::-1] / 255.0).astype(np.float32), labels[::-1] % 2)
    assert seen.share_of(again) == 1.0
    other = smx.Dataset(rng.uniform(size=(300, 3, 2)), np.zeros(300, int))
    assert seen.share_of(other) == 0.0
    half = smx.Dataset(np.concatenate([pixels[:300] / 255.0, other.x]), np.zeros(600, int))
    assert seen.share_of(half) == 0.5
    assert seen.share_of(smx.Dataset(pixels.reshape(5000, 6), labels)) == 0.0
    assert seen.share_of(other[:0]) == 0.0


def test_records_are_equal_where_the_points_are(rng):
    x, y = rng.normal(size=(9, 2)), rng.normal(size=9)
    first, second = Seen.of(smx.Dataset(x, y)), Seen.of(smx.Dataset(x[::-1], y))
    assert first == second
    assert hash(first) == hash(second)
    assert first.class_counts is None
    assert first != Seen.of(smx.Dataset(x[:8], y[:8]))
    assert first != "another thing"


def test_zero_has_no_sign():
    first, second = (smx.Dataset(np.full((1, 2), z), [0]) for z in (0.0, -0.0))
    assert Seen.of(first) == Seen.of(second)
