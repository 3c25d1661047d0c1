"""`compare`: every metric redone by hand on the same halves, floors that hold, classes, several generators."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from synthmix_jax import distances, features, kernels
from synthmix_jax.dataset import Dataset
from synthmix_jax.distances import _cost, _mmd, _resample, _sinkhorn, _wasserstein

KEY = jax.random.key(3)
CHEAP = ["sliced_wasserstein", "gaussian_wasserstein", "mmd", "energy"]
compare = functools.partial(distances.compare, key=KEY, num_bootstrap=20)
NUMBERS = ("value", "low", "high", "floor", "floor_low", "floor_high")
NUMBERS = (*NUMBERS, "excess", "excess_low", "excess_high")


@pytest.fixture(name="real")
def _real(rng):
    y = np.arange(24) % 2
    return Dataset(rng.normal(size=(24, 3)) + 2.0 * y[:, None], y)


@pytest.fixture(name="synthetic")
def _synthetic(rng):
    y = np.arange(20) % 2
    return Dataset(1.3 * rng.normal(size=(20, 3)) + 2.0 * y[:, None] + 0.5, y)


@pytest.fixture(name="drawn")
def _drawn(monkeypatch):
    """The parts that `compare` drew, in order."""
    seen = []

    def watched(build):
        return lambda *args, **options: seen.append(build(*args, **options)) or seen[-1]

    for build in (_resample.halves, _resample.quarters):
        monkeypatch.setattr(_resample, build.__name__, watched(build))
    return seen


def by_hand(name, pool, labels, num_real):
    """A function of rows and rows, from the public ones where there is one, on the scales of the real points."""
    real = pool[:num_real]
    scale = kernels.median_lengthscale(real)
    if name.startswith("wasserstein"):
        p = 1 if name.endswith("1") else 2
        eps = 0.01 * (cdist(real, real) ** p).mean()

        def transported(a, b):
            relative = float(eps / (cdist(pool[a], pool[b]) ** p).mean())
            return distances.wasserstein(pool[a], pool[b], p=p, epsilon=relative)

        return transported
    if name == "labelled_wasserstein":
        return functools.partial(labelled_by_hand, pool, labels, num_real)
    function = {
        "sliced_wasserstein": functools.partial(
            distances.sliced_wasserstein, key=KEY, num_projections=256
        ),
        "gaussian_wasserstein": distances.gaussian_wasserstein,
        "mmd": functools.partial(distances.mmd, kernel=kernels.RBF(scale)),
        "mmd_mixture": functools.partial(distances.mmd, kernel=_mmd.RBFMixture(scale)),
        "energy": distances.energy,
    }[name]
    return lambda a, b: function(pool[a], pool[b])


def labelled_by_hand(pool, labels, num_real, a, b):
    """Classes are those of all real points, and one label means the same on both sides."""
    of_class = [pool[:num_real][labels[:num_real] == c] for c in range(2)]
    apart = [[distances.gaussian_wasserstein(u, v) ** 2 for v in of_class] for u in of_class]
    C = cdist(pool, pool) ** 2 + np.array(apart)[labels[:, None], labels[None, :]]
    eps = 0.01 * C[:num_real, :num_real].mean()
    with jax.enable_x64(True):
        costs = [_cost.HeldCost(jnp.asarray(C[np.ix_(u, v)])) for u, v in ((a, b), (a, a), (b, b))]
        masses = [jnp.full(len(v), 1 / len(v)) for v in (a, b)]
        stopping = _sinkhorn.Stopping(1e-3, 20_000)
        found = _wasserstein.divergence(*costs, *masses, jnp.asarray(eps), stopping)
        return float(found.cost) ** 0.5


@pytest.mark.parametrize("name", distances.METRICS)
def test_by_hand_on_the_same_halves(real, synthetic, drawn, name):
    row = compare(real, synthetic, metrics=[name], per_class=False)[name]
    (parts,) = drawn
    pool, labels = np.concatenate([real.x, synthetic.x]), np.concatenate([real.y, synthetic.y])
    measure = by_hand(name, pool, labels, 24)
    values, floors = (
        np.array([measure(a, b) for a, b in zip(parts.real[0].rows, other.rows, strict=True)])
        for other in (parts.synthetic[0], parts.real[1])
    )
    assert row.sizes == (12, 10)
    assert (row.unit, row.status) == (distances.METRICS[name].unit, "ok")
    # One side is solved, or its kernel has a lengthscale, in float32.
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7)
    close(row.value, values.mean())
    close(row.floor, floors.mean())
    close(row.excess, values.mean() - floors.mean(), atol=1e-5)
    close((row.low, row.high), np.quantile(values, [0.05, 0.95]))
    close((row.floor_low, row.floor_high), np.quantile(floors, [0.05, 0.95]))
    ends = np.quantile(values - floors, [0.05, 0.95])
    close((row.excess_low, row.excess_high), ends, atol=1e-5)


@pytest.mark.parametrize("name", ["wasserstein_1", "wasserstein", "mmd", "energy"])
def test_debiased_by_hand_on_the_same_quarters(real, synthetic, drawn, name):
    row = compare(real, synthetic, metrics=[name], per_class=False, debias=True)[name]
    ((x1, x2, x3, x4), (y1, y2)) = drawn[0]
    pool = np.concatenate([real.x, synthetic.x])
    power = 1 if name.endswith("1") else 2
    measure = by_hand(name, pool, None, 24)
    if name == "mmd":  # not clipped: the difference of unbiased estimates is unbiased
        kernel = kernels.RBF(kernels.median_lengthscale(real.x))
        measure = lambda a, b: distances.mmd_squared(pool[a], pool[b], kernel=kernel)
        power = 1
    means = lambda a, b: np.mean(
        [measure(u, v) ** power for u, v in zip(a.rows, b.rows, strict=True)]
    )
    for value, (z1, z2) in ((row.value, (y1, y2)), (row.floor, (x3, x4))):
        total = (means(x1, z1) + means(x2, z2) - means(x1, x2) - means(z1, z2)) / 2
        power_of_row = 1 if name.endswith("1") else 2
        np.testing.assert_allclose(
            np.sign(value) * abs(value) ** power_of_row, total, rtol=1e-4, atol=1e-6
        )


def test_deterministic_in_the_key(real, synthetic):
    one, two = (compare(real, synthetic, metrics=CHEAP).rows for _ in range(2))
    assert one == two
    other = compare(real, synthetic, metrics=CHEAP, key=jax.random.key(4)).rows
    assert one[0].value != other[0].value
    raw = compare(real, synthetic, metrics=CHEAP, key=jax.random.PRNGKey(3))
    assert raw.rows == one


def test_several_generators(real, synthetic, rng):
    """One floor for those of a size; a generator's rows are what they are alone, whatever stands beside it."""
    third = Dataset(rng.normal(size=(20, 3)) + 8.0, synthetic.y)
    both = compare(real, {"good": synthetic, "bad": third}, metrics=CHEAP)
    alone = compare(real, {"good": synthetic}, metrics=CHEAP)
    beside = [row for row in both.rows if row.synthetic == "good"]
    for row, single in zip(beside, alone.rows, strict=True):
        assert (row.metric, row.label, row.sizes) == (single.metric, single.label, single.sizes)
        assert [getattr(row, n) for n in NUMBERS] == [getattr(single, n) for n in NUMBERS]
    assert both["energy"].synthetic == "good"
    assert both.num_synthetic == {"good": 20, "bad": 20}
    by_place = {}
    for row in both.rows:
        by_place.setdefault((row.metric, row.label), []).append(row)
    for good, bad in by_place.values():
        assert (good.floor, good.floor_low, good.floor_high) == (
            bad.floor,
            bad.floor_low,
            bad.floor_high,
        )
        assert bad.excess > good.excess
    small = Dataset(third.x[:12], third.y[:12])
    uneven = compare(real, {"good": synthetic, "bad": small}, metrics=CHEAP)
    assert [row for row in uneven.rows if row.synthetic == "good"] == beside
    assert {row.sizes for row in uneven.rows if row.label is None} == {(12, 10), (12, 6)}


def test_a_diverged_generator_spoils_no_other(rng):
    """One float32 row at 1e6 beside a good generator: no number of the good one may move."""
    real = rng.normal(size=(40, 4)).astype(np.float32)
    good, bad = real + np.float32(1.0), rng.normal(size=(40, 4)).astype(np.float32)
    bad[0] = 1e6
    beside = compare(real, {"good": good, "bad": bad}, metrics=CHEAP)
    alone = compare(real, {"good": good}, metrics=CHEAP)
    assert [row for row in beside.rows if row.synthetic == "good"] == list(alone.rows)


def test_the_same_points_under_two_names_are_the_same(real, synthetic):
    table = compare(real, {"a": synthetic, "b": synthetic}, metrics=CHEAP)
    by_name = {n: [r.value for r in table.rows if r.synthetic == n] for n in "ab"}
    assert by_name["a"] == by_name["b"]


def test_labels_of_one_generator_only(real, synthetic):
    table = compare(
        real, {"with": synthetic, "bare": synthetic.x}, metrics=["energy", "labelled_wasserstein"]
    )
    of = lambda name: {(r.metric, r.label) for r in table.rows if r.synthetic == name}
    assert of("bare") == {("energy", None)}
    assert ("labelled_wasserstein", None) in of("with")
    assert "bare without class labels" in table.warnings[-1]


def test_classes(real, synthetic, drawn):
    """Rows a class, at one common size, by random points; a class with too few has a status and no value."""
    x = np.concatenate([real.x, real.x[:2] + 5.0, real.x[:10]])
    y = np.concatenate([real.y, [2, 2], np.zeros(10, int)])
    many = Dataset(x, y, class_names=("a", "b", "c"))
    table = compare(many, synthetic, metrics=["energy", "labelled_wasserstein"])
    assert [(r.metric, r.label) for r in table.rows] == [
        ("energy", None), ("labelled_wasserstein", None), ("energy", 0), ("energy", 1), ("energy", 2),
    ]  # fmt: skip
    assert table.rows[2].sizes == table.rows[3].sizes == (6, 5)
    missing = table.rows[4]
    assert missing.status == "too few points in this class to halve them"
    assert np.isnan([getattr(missing, name) for name in NUMBERS]).all()
    assert not missing.above
    for row in table.rows[:4]:
        assert np.isfinite([getattr(row, name) for name in NUMBERS]).all()
        assert row.status == "ok"
    assert table.class_names == ("a", "b", "c")
    labels = np.concatenate([many.y, synthetic.y])
    for label, parts in enumerate(drawn[1:]):
        rows = np.unique(np.concatenate([draw.rows.ravel() for draw in parts.real]))
        assert (labels[rows] == label).all()
        assert len(rows) == 12
    zeros = np.unique(drawn[1].real[0].rows)
    assert set(zeros) - set(np.flatnonzero(many.y == 0)[:12]), "not the first points of the class"
    apart = distances.gaussian_wasserstein(real.x[real.y == 1], synthetic.x[synthetic.y == 0])
    found = table.class_distances["synthetic"]
    np.testing.assert_allclose(found[1, 0], apart, rtol=1e-9)
    assert np.isnan(found[:, 2]).all()
    without = compare(many, synthetic, metrics=["energy"], per_class=False)
    assert without["energy"] == table["energy"]


def test_arrays_images_and_the_words_of_features(rng, real, synthetic):
    table = compare(real.x, synthetic.x)
    assert {row.metric for row in table.rows} == set(distances.METRICS) - {"labelled_wasserstein"}
    assert table.class_distances == {}
    assert table.class_names is None
    images = rng.integers(0, 256, size=(2, 12, 8, 8), dtype=np.uint8)
    table = compare(*images, metrics=["energy"])
    assert "random convolutional features" in table.features
    assert "RandomConvolutions" in table.features
    pixels = compare(*images, metrics=["energy"], features=features.Pixels())
    assert "Pixels" in pixels.features
    flat = compare(*(images.reshape(2, 12, 64) / 255.0), metrics=["energy"])
    np.testing.assert_allclose(pixels["energy"].value, flat["energy"].value, rtol=1e-5)
    assert compare(real.x[:, 0], synthetic.x[:, 0], metrics=["energy"])["energy"].value > 0.0


def test_max_points_and_progress(real, synthetic):
    steps = []
    table = compare(
        real,
        synthetic,
        max_points=16,
        metrics=["energy", "mmd"],
        progress=lambda *s: steps.append(s),
    )
    assert table.settings["points_used"] == {"real": 16, "synthetic": 16}
    assert (table.num_real, table.num_synthetic) == (24, {"synthetic": 20})
    assert table.warnings[0].startswith("real: 16 of 24 points were used")
    assert steps == [(1, 2, "synthetic: energy"), (2, 2, "synthetic: mmd")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ["fid"]}, "metric 'fid' does not exist; known are wasserstein, wasserstein_1, sliced"),
        ({"metrics": "mmd"}, "metrics must be a list of names, got 'mmd'"),
        ({"metrics": []}, "metrics must be a list of names"),
        ({"level": 1.0}, "level must lie between 0 and 1"),
        ({"level": 0.99}, "level 0.99 needs num_bootstrap of at least 200"),
        ({"synthetic": np.full((9, 3), 255.0), "real": np.ones((9, 3), np.uint8)}, "Divide that one by 255"),
        ({"num_bootstrap": 19}, "num_bootstrap must be a whole number of at least 20, got 19"),
        ({"max_points": 3}, "max_points must be a whole number of at least 4, got 3"),
        ({"synthetic": {}}, "at least one generator"),
        ({"synthetic": {"real": np.zeros((9, 3))}}, 'none of them "real"'),
        ({"synthetic": np.zeros((3, 3))}, "synthetic has 3 points in use; parts to compare need at least 4"),
        ({"synthetic": np.zeros((7, 3)), "debias": True}, "synthetic has 7 points in use.*at least 8"),
        ({"synthetic": np.zeros((9, 2))}, "3 and 2 features"),
        ({"synthetic": np.full((9, 3), np.nan)}, "synthetic holds 27 non-finite"),
        ({"synthetic": np.zeros((9, 3)), "metrics": ["labelled_wasserstein"]}, "needs integer labels on both"),
        ({"key": jnp.zeros(2)}, "key must be one PRNG key"),
        ({"features": lambda x: x[:2]}, r"features must map \(24, 3\) of real to \(24, d\), got \(2, 3\)"),
        ({"epsilon": 0.0}, "epsilon"),
    ],
)  # fmt: skip
def test_refusals(real, synthetic, change, message):
    with pytest.raises(ValueError, match=message):
        compare(**{"real": real, "synthetic": synthetic, **change})


def test_targets_of_regression_take_no_part_and_that_is_said(rng):
    x, z = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    options = dict(key=jax.random.key(0), metrics=["energy"], num_bootstrap=20)
    with_targets = distances.compare(Dataset(x, x[:, 0]), Dataset(z, -z[:, 0]), **options)
    without = distances.compare(x, z, **options)
    assert with_targets.rows == without.rows
    assert "Regression targets take no part" in with_targets.warnings[0]
    assert without.warnings == ()
