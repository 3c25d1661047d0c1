"""SMOTE against scikit-learn's neighbours, and its conditional law against its joint one."""

import jax
import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import NearestNeighbors

import synthmix_jax as smx
from synthmix_jax.generators import SMOTE, _neighbours, draw

KEY = jax.random.key(0)


def neighbours(rows, count):
    return NearestNeighbors(n_neighbors=count).fit(rows).kneighbors(return_distance=False)


def test_neighbours_are_those_of_scikit_learn(rng, monkeypatch):
    monkeypatch.setattr(_neighbours, "_BLOCK_NUMBERS", 700)  # blocks of 7 rows
    rows = rng.normal(size=(100, 6)) + 1e4
    np.testing.assert_array_equal(_neighbours.nearest(rows, 5), neighbours(rows, 5))
    twins = np.repeat(rows[:3], 2, axis=0)
    assert _neighbours.nearest(twins, 1)[:, 0].tolist() == [1, 0, 3, 2, 5, 4]


def test_samples_lie_between_neighbours_of_their_class(rng):
    """In 6 dimensions a sample tells its pair. Pairs and places are uniform, by chi-squared and Kolmogorov."""
    y = np.array([1, 0, 2] * 3 + [0] * 12 + [1] * 3)
    x = rng.normal(size=(24, 6))
    generator = SMOTE.fit(smx.Dataset(x, y), neighbours=4)
    count = 6000
    for label in range(3):
        rows = x[y == label]
        known = min(4, len(rows) - 1)
        pairs = [(i, j) for i, row in enumerate(neighbours(rows, known)) for j in row]
        drawn = np.asarray(generator.sample(np.full(count, label), key=KEY), np.float64)
        first, second = (np.array([rows[pair[end]] for pair in pairs]) for end in (0, 1))
        step = second - first
        t = np.einsum("mpd,pd->mp", drawn[:, None] - first, step) / np.sum(step**2, axis=1)
        off = np.linalg.norm(drawn[:, None] - first - t[:, :, None] * step, axis=2)
        off[(t < -1e-5) | (t > 1 + 1e-5)] = np.inf
        assert off.min(axis=1).max() < 1e-5
        # Lines taken both ways are one line here, of twice the weight.
        lines = [tuple(sorted(pair)) for pair in pairs]
        which = [lines[p] for p in off.argmin(axis=1)]
        names = sorted(set(lines))
        found = [which.count(name) for name in names]
        wanted = [lines.count(name) * count / len(lines) for name in names]
        assert stats.chisquare(found, wanted).pvalue > 1e-4
        # Rounding decides which way a line is found to be taken, by where on it: measure from one end.
        upward = np.array([i < j for i, j in pairs])
        places = np.where(upward, t, 1 - t)[np.arange(count), off.argmin(axis=1)]
        assert stats.kstest(places, "uniform").pvalue > 1e-4


def joint(data, count, random, known):
    """The textbook's loop, vectorised: pairs, then a place on them, for inputs and target."""
    table = neighbours(data.x, known)
    i = random.integers(len(data), size=count)
    j = table[i, random.integers(known, size=count)]
    t = random.uniform(size=count)
    return data.x[i] + t[:, None] * (data.x[j] - data.x[i]), data.y[i] + t * (data.y[j] - data.y[i])


@pytest.mark.parametrize("levels", [None, 3])
def test_a_draw_has_the_joint_law(levels, rng):
    """Targets first and inputs after, against pairs first: inputs, target and their products (two samples).

    With three levels of the target many pairs are tied, at 0, 1 and 2.
    """
    x = rng.normal(size=(40, 2))
    y = x[:, 0] ** 2 + 0.5 * rng.normal(size=40)
    y = y if levels is None else np.digitize(y, [0.3, 1.0]).astype(float)
    data, count = smx.Dataset(x, y), 12_000
    drawn = draw(SMOTE.fit(data, neighbours=5), count, key=KEY)
    x, y = joint(data, count, rng, 5)
    ours, theirs = (np.c_[x, y] for x, y in ((np.asarray(drawn.x), np.asarray(drawn.y)), (x, y)))
    for direction in np.r_[np.eye(3), rng.normal(size=(6, 3))]:
        assert stats.ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-4
    for product in (
        lambda z: z[:, 0] * z[:, 2],
        lambda z: z[:, 1] * z[:, 2],
        lambda z: z[:, 0] * z[:, 1],
    ):
        assert stats.ks_2samp(product(ours), product(theirs)).pvalue > 1e-4
    if levels:
        shares = [np.isin(z[:, 2], [0.0, 1.0, 2.0]).mean() for z in (ours, theirs)]
        assert abs(shares[0] - shares[1]) < 5 * np.sqrt(0.5 / count)
        assert 0.2 < shares[0] < 0.9


def test_pairs_of_one_target(rng):
    """Frequencies of the pairs that enclose a target, against 1 / |y_j - y_i|."""
    x, y = np.array([[0.0], [1.0], [2.1], [3.3]]), np.array([0.0, 4.0, 1.0, 2.0])
    generator = SMOTE.fit(smx.Dataset(x, y), neighbours=3)
    count = 20_000
    drawn = np.asarray(generator.sample(np.full(count, 1.5), key=KEY), np.float64)[:, 0]
    wanted = {}
    for i in range(4):
        for j in range(i):
            if min(y[i], y[j]) < 1.5 < max(y[i], y[j]):
                t = (1.5 - y[i]) / (y[j] - y[i])
                wanted[round(x[i, 0] + t * (x[j, 0] - x[i, 0]), 3)] = 1 / abs(y[i] - y[j])
    places, found = np.unique(drawn.round(3), return_counts=True)
    assert places.tolist() == sorted(wanted)
    expected = np.array([wanted[place] for place in places])
    assert stats.chisquare(found, count * expected / expected.sum()).pvalue > 1e-4


def test_targets_between_no_neighbours(rng):
    """Two clusters: nothing lies between, which is an error, and NaN where it cannot be one."""
    x = np.r_[rng.normal(size=(5, 2)), rng.normal(size=(5, 2)) + 50.0]
    y = np.r_[rng.uniform(0, 1, 5), rng.uniform(8, 9, 5)]
    generator = SMOTE.fit(smx.Dataset(x, y), neighbours=2)
    for bad in (5.0, -1.0, 10.0):
        with pytest.raises(ValueError, match=f"holds the target {bad:g}, .* of no two neighbours"):
            generator.sample(np.array([y[0], bad]), key=KEY)
    compiled = jax.jit(lambda y: generator.sample(y, key=KEY))
    assert np.isnan(compiled(np.array([y[0], 5.0]))).all(axis=1).tolist() == [False, True]


def test_bad_input(rng):
    x = rng.normal(size=(6, 2))
    with pytest.raises(ValueError, match="class 1 has 1 points, and SMOTE draws between two"):
        SMOTE.fit(smx.Dataset(x, [0, 0, 0, 1, 2, 2]))
    with pytest.raises(ValueError, match="class 2 has 0 points"):
        SMOTE.fit(smx.Dataset(x, [0, 0, 0, 1, 1, 1], num_classes=3))
    with pytest.raises(ValueError, match="neighbours must be a whole number of at least 1, got 0"):
        SMOTE.fit(smx.Dataset(x, [0, 0, 0, 1, 1, 1]), neighbours=0)
    with pytest.raises(
        ValueError, match=r"needs targets \(n,\) for regression, got shape \(6, 2\)"
    ):
        SMOTE.fit(smx.Dataset(x, x))
    with pytest.raises(ValueError, match=r"got shape \(6, 1\); give y\[:, 0\]"):
        SMOTE.fit(smx.Dataset(x, x[:, :1]))
    with pytest.raises(ValueError, match="SMOTE draws between two points, got 1"):
        SMOTE.fit(smx.Dataset(x[:1], x[:1, 0]))
