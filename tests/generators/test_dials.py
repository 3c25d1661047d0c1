"""The dials of labels, modes and copies: imbalance, drop_modes, memorize; and all of them in regression."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import synthmix_jax as smx
from synthmix_jax.generators import (
    SMOTE,
    ClassGaussian,
    JointGaussian,
    Shifted,
    _modes,
    balanced_labels,
    draw,
)

KEY = jax.random.key(0)


@dataclasses.dataclass(frozen=True)
class Plane:
    """Standard normals in the plane, class c moved c to the right."""

    num_classes: int

    def sample(self, labels, *, key):
        z = jax.random.normal(key, (len(labels), 2))
        return z + jnp.asarray(labels)[:, None] * jnp.array([1.0, 0.0])


@pytest.fixture
def data(rng):
    return smx.Dataset(rng.normal(size=(40, 4)), np.arange(40) % 4)


@pytest.fixture
def targets(rng):
    x = rng.normal(size=(50, 3))
    return smx.Dataset(x, x[:, 0] + 0.1 * rng.normal(size=50))


@pytest.mark.parametrize("imbalance", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("classes", [1, 10])
def test_imbalance_is_geometric(imbalance, classes):
    generator = Shifted(Plane(classes), imbalance=imbalance)
    labels = np.asarray(generator.labels(4000, key=KEY))
    wanted = np.geomspace(1.0, 1.0 - imbalance, classes) if classes > 1 else np.ones(1)
    wanted /= wanted.sum()
    # Every prefix has these frequencies as near as derived; a shorter draw is a prefix.
    counts = np.cumsum(np.eye(classes)[labels], axis=0)
    away = np.abs(counts - np.arange(1, 4001)[:, None] * wanted)
    assert (away <= 0.5 * (1 + classes * wanted) + 1e-9).all()
    np.testing.assert_array_equal(generator.labels(123, key=KEY), labels[:123])
    if imbalance == 0:
        np.testing.assert_array_equal(labels, balanced_labels(4000, classes))
    drawn = draw(generator, 50, key=KEY)
    np.testing.assert_array_equal(drawn.y, labels[:50])


def test_more_imbalance_is_less_balanced():
    entropies = [
        stats.entropy(np.bincount(Shifted(Plane(5), imbalance=s).labels(5000, key=KEY)))
        for s in (0.0, 1e-9, 0.2, 0.5, 0.9, 0.99)
    ]
    assert entropies[0] == entropies[1]  # the order is continuous in the dial
    assert (np.diff(entropies[1:]) < -1e-3).all()


def test_labels_are_passed_on(targets):
    inner = JointGaussian.fit(targets, rank=2)
    np.testing.assert_array_equal(
        Shifted(inner, offset=1.0).labels(9, key=KEY), inner.labels(9, key=KEY)
    )
    once = draw(Shifted(inner), 30, key=KEY)
    plain = draw(inner, 30, key=KEY)
    np.testing.assert_array_equal(once.y, plain.y)
    np.testing.assert_array_equal(once.x, plain.x)
    nested = Shifted(Shifted(Plane(3), imbalance=0.9), offset=1.0)
    np.testing.assert_array_equal(nested.labels(40, key=KEY), nested.generator.labels(40, key=KEY))


def cells(x, labels, places):
    """Nearest anchor of the class, in float64 from the differences."""
    own = np.asarray(places, np.float64).reshape(-1, _modes.MODES, 2)[labels]
    return np.argmin(np.sum((np.asarray(x, np.float64)[:, None] - own) ** 2, axis=2), axis=1)


@pytest.mark.parametrize(("share", "kept"), [(0.1, 7), (0.5, 4), (0.8, 1), (0.99, 1)])
def test_dropped_modes_are_empty_and_the_others_keep_their_shares(share, kept):
    count, generator = 20_000, Plane(2)
    labels = np.arange(count) % 2
    places = _modes.anchors(generator, 2, 5)
    before = np.asarray(generator.sample(labels, key=KEY))
    after = np.asarray(Shifted(generator, drop_modes=share, modes_seed=5).sample(labels, key=KEY))
    first, last = cells(before, labels, places), cells(after, labels, places)
    assert last.max() < kept
    # What was in a kept cell is untouched: dials of more drop a superset.
    np.testing.assert_array_equal(after[first < kept], before[first < kept])
    for label in range(2):
        found = np.bincount(last[labels == label], minlength=kept)
        reference = np.bincount(first[(labels == label) & (first < kept)], minlength=kept)
        if kept > 1:
            assert stats.chi2_contingency([found, reference]).pvalue > 1e-4
        # Inside a kept cell the law is as it was.
        inside = [x[(c == 0) & (labels == label)] for x, c in ((before, first), (after, last))]
        for axis in range(2):
            assert stats.ks_2samp(*(x[:, axis] for x in inside)).pvalue > 1e-4


def test_tries_end(monkeypatch):
    """After the last try what is left becomes a kept anchor."""
    monkeypatch.setattr(_modes, "_TRIES", 1)
    labels = np.zeros(2000, int)
    x = np.asarray(Shifted(Plane(1), drop_modes=0.5).sample(labels, key=KEY))
    places = np.asarray(_modes.anchors(Plane(1), 1, 0))
    assert cells(x, labels, places).max() < 4
    at_anchors = (x[:, None] == places[:4]).all(axis=2).any(axis=1)
    assert 0.01 < at_anchors.mean() < 0.5


@pytest.mark.parametrize("rate", [0.2, 1.0])
def test_memorized_points_are_copies_of_their_label(rate, data):
    count, labels = 8000, np.arange(8000) % 4
    generator = Shifted(
        ClassGaussian.fit(data, rank=2), offset=9.0, label_noise=0.5, memorize=rate, training=data
    )
    x = np.asarray(generator.sample(labels, key=KEY))
    equal = (x[:, None] == data.x.astype(np.float32)).all(axis=2)
    copied = equal.any(axis=1)
    assert abs(copied.mean() - rate) <= 5 * np.sqrt(rate * (1 - rate) / count)
    row = equal.argmax(axis=1)[copied]
    np.testing.assert_array_equal(data.y[row], labels[copied])
    assert stats.chisquare(np.bincount(row, minlength=40)).pvalue > 1e-4
    # More of the dial copies a superset.
    more = dataclasses.replace(generator, memorize=min(1.0, rate + 0.3))
    np.testing.assert_array_equal(np.asarray(more.sample(labels, key=KEY))[copied], x[copied])


def test_memorized_images_are_in_units_of_255(rng):
    pixels = rng.integers(0, 256, size=(6, 2, 2), dtype=np.uint8)
    data = smx.Dataset(pixels, np.arange(6) % 2)
    x = Shifted(ClassGaussian.fit(data, rank=1), memorize=1, training=data).sample(
        np.array([0, 1]), key=KEY
    )
    assert {row.tobytes() for row in np.rint(np.asarray(x) * 255).astype(np.uint8)} <= {
        row.tobytes() for row in pixels
    }


def test_what_memorize_copies_was_seen(data, rng):
    other = smx.Dataset(rng.normal(size=(8, 4)), np.arange(8) % 4)
    inner = ClassGaussian.fit(data, rank=1)
    assert Shifted(inner, training=other).seen == inner.seen
    assert Shifted(inner, memorize=0.1, training=data).seen == inner.seen
    both = Shifted(inner, memorize=0.1, training=other).seen
    assert both.share_of(other) == both.share_of(data) == 1.0
    assert (len(both), both.class_counts) == (48, (12, 12, 12, 12))
    assert Shifted(Plane(4), memorize=0.1, training=other).seen.share_of(other) == 1.0
    assert Shifted(Plane(4)).seen is None


def test_label_noise_in_regression(targets):
    """At 1 inputs and targets are independent, each with the law it had; at 0.5 half of the correlation is left."""
    inner, count = JointGaussian.fit(targets, rank=3), 20_000
    plain = draw(inner, count, key=KEY)
    correlation = np.corrcoef(plain.x[:, 0], plain.y)[0, 1]
    assert correlation > 0.9
    for rate in (0.5, 1.0):
        drawn = draw(Shifted(inner, label_noise=rate), count, key=KEY)
        np.testing.assert_array_equal(drawn.y, plain.y)
        assert stats.ks_2samp(drawn.x[:, 0], plain.x[:, 0]).pvalue > 1e-4
        found = np.corrcoef(drawn.x[:, 0], drawn.y)[0, 1]
        assert abs(found - (1 - rate) * correlation) < 5 / np.sqrt(count)


def test_memorize_in_regression(targets, rng):
    y = np.round(targets.y)  # many equal targets
    data = smx.Dataset(targets.x, y)
    generator = Shifted(SMOTE.fit(targets), memorize=1.0, training=data)
    wanted = generator.labels(3000, key=KEY)
    x = np.asarray(generator.sample(wanted, key=KEY))
    row = (x[:, None] == data.x.astype(np.float32)).all(axis=2).argmax(axis=1)
    nearest = np.abs(np.asarray(wanted)[:, None] - y.astype(np.float32)).min(axis=1)
    np.testing.assert_allclose(np.abs(wanted - y[row]), nearest, atol=1e-6)
    assert len(set(row)) > 40


def test_bad_input(data, targets):
    inner, regression = ClassGaussian.fit(data, rank=1), JointGaussian.fit(targets, rank=1)
    for dial in ("imbalance", "label_shift", "drop_modes"):
        with pytest.raises(
            ValueError, match=f"{dial} is of classes and this generator draws targets"
        ):
            Shifted(regression, **{dial: 0.5})
    for generator, training, message in [
        (inner, None, "give them as training=, a Dataset"),
        (inner, targets, "50 points and regression targets, and the generator draws 4 classes"),
        (regression, data, "40 points and 4 classes, and the generator draws regression targets"),
        (inner, data[:0], "training has 0 points"),
        (inner, data[:3], "training has no points of class 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            Shifted(generator, memorize=0.5, training=training)
    flat = smx.Dataset(data.x[:, :3], data.y)
    with pytest.raises(ValueError, match=r"inputs of shape \(3,\) and the generator draws \(4,\)"):
        Shifted(inner, memorize=0.5, training=flat).sample(np.arange(4), key=KEY)
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, got 0"):
        Shifted(inner).labels(0, key=KEY)


class Standing:
    """Draws the label itself, without noise."""

    num_classes = 10

    def sample(self, labels, *, key):
        return jax.numpy.asarray(labels, jax.numpy.float32)[:, None]


def test_a_wrap_around_a_wrap_draws_for_itself():
    """Two noises of one add up to the root of two; two label noises of a half keep a third of ten classes."""
    labels = np.arange(40_000) % 10
    twice = Shifted(Shifted(Standing(), noise=1.0), noise=1.0)
    noise = np.asarray(twice.sample(labels, key=jax.random.key(4)))[:, 0] - labels
    np.testing.assert_allclose(noise.std(), np.sqrt(2.0), rtol=0.03)
    mixed = Shifted(Shifted(Standing(), label_noise=0.5), label_noise=0.5)
    same = np.asarray(mixed.sample(labels, key=jax.random.key(4)))[:, 0] == labels
    # Kept twice, or moved and moved back to where it was: 1/4 + 1/4 / 9.
    np.testing.assert_allclose(same.mean(), 0.25 + 0.25 / 9, atol=0.012)


def test_labels_of_bytes_do_not_wrap_around():
    labels = np.arange(10, dtype=np.uint8)
    x = Shifted(Standing(), label_shift=1.0).sample(labels, key=jax.random.key(0))
    np.testing.assert_array_equal(np.asarray(x)[:, 0], (np.arange(10) - 1) % 10)


def test_copies_of_bytes_are_seen():
    import synthmix_jax as smx
    from synthmix_jax.generators import ClassGaussian, draw

    pixels = np.random.default_rng(0).integers(0, 256, size=(40, 6, 6), dtype=np.uint8)
    data = smx.Dataset(pixels, np.arange(40) % 2)
    copying = Shifted(ClassGaussian.fit(data, rank=2), memorize=1.0, training=data)
    assert copying.seen.share_of(draw(copying, 30, key=jax.random.key(0))) == 1.0
