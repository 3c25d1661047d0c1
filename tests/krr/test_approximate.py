"""Sweeps on features against refits on the same features, row by row, and against the exact sweep."""

import itertools
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.krr import _leverage, _nystrom

N, M, T, D = 30, 50, 12, 3
COUNTS, RIDGES, WEIGHTS = [0, 7, 50], [1e-3, 0.5], [0.2, 1.0, 4.0]
KERNEL = smx.kernels.RBF(1.5)
GRID = dict(kernel=KERNEL, ridges=RIDGES, weights=WEIGHTS, counts=COUNTS)
METHODS = {
    "nystrom": dict(method="nystrom", num_features=12),
    "leverage": dict(method="nystrom", num_features=12, landmarks="leverage"),
    "random_features": dict(method="random_features", num_features=12),
}


def make(rng, targets="scalar", sizes=(N, M, T)):
    data = []
    for size in sizes:
        x = rng.normal(size=(size, D))
        y = {
            "scalar": np.sin(x[:, 0]),
            "outputs": np.stack([np.sin(x[:, 0]), x[:, 1]], axis=1),
            "labels": np.arange(size) % 3,
        }[targets]
        data.append(smx.Dataset(x, y))
    return data


def encoded(data):
    y = np.asarray(data.y)
    if data.num_classes is not None:
        return np.eye(3)[y] - 1 / 3
    return y.reshape(len(y), -1)


def phi_of(features, data):
    with jax.enable_x64(True):
        return np.asarray(features(np.asarray(data.x, float)))


def refit(phi, y, weights, ridge):
    return np.linalg.solve(
        phi.T * weights @ phi + ridge * np.eye(phi.shape[1]), phi.T * weights @ y
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("targets", ["scalar", "outputs", "labels"])
def test_equals_refits_on_the_same_features(method, targets, rng):
    real, synthetic, test = make(rng, targets)
    sweep = smx.krr.sweep(
        real, synthetic, **GRID, **METHODS[method], test=test, residuals=True, key=jax.random.key(1)
    )
    assert sweep.method == METHODS[method]["method"]
    phi, y = (
        [f(d) for d in (real, synthetic, test)]
        for f in (lambda d: phi_of(sweep.features, d), encoded)
    )
    assert phi[0].shape[1] == 12
    for (w, weight), (l, ridge), (c, count) in itertools.product(
        *map(enumerate, (WEIGHTS, RIDGES, COUNTS))
    ):
        rows = np.concatenate([phi[0], phi[1][:count]])
        wanted = np.concatenate([y[0], y[1][:count]])
        weighted = np.concatenate([np.ones(N), np.full(count, weight)])
        left_out = np.stack(
            [
                y[0][i]
                - phi[0][i]
                @ refit(*(np.delete(a, i, axis=0) for a in (rows, wanted, weighted)), ridge)
                for i in range(N)
            ]
        )
        cell = w, l, c
        # Normal equations square the condition: about 1e-16 x largest eigenvalue (some 200) / ridge.
        np.testing.assert_allclose(
            sweep.loo_residuals[cell], (left_out**2).sum(1), rtol=1e-7, atol=1e-10
        )
        np.testing.assert_allclose(sweep.loo_error[cell], (left_out**2).sum(1).mean(), rtol=1e-7)
        predicted = phi[2] @ refit(rows, wanted, weighted, ridge)
        np.testing.assert_allclose(
            sweep.test_error[cell], ((predicted - y[2]) ** 2).sum(1).mean(), rtol=1e-7
        )
        if targets == "labels":
            wrong = np.argmax(y[0] - left_out, axis=1) != real.y
            assert sweep.loo_misclassified[cell] == pytest.approx(wrong.mean())
            np.testing.assert_array_equal(sweep.loo_wrong[cell], wrong)
            assert sweep.test_misclassified[cell] == pytest.approx(
                (predicted.argmax(1) != test.y).mean()
            )


def test_all_rows_as_landmarks_give_the_exact_sweep(rng):
    real, synthetic, test = make(rng)
    every = np.concatenate([real.x, synthetic.x])
    exact = smx.krr.sweep(real, synthetic, **GRID, test=test)
    found = smx.krr.sweep(real, synthetic, **GRID, test=test, method="nystrom", landmarks=every)
    np.testing.assert_allclose(found.loo_error, exact.loo_error, rtol=1e-6)
    np.testing.assert_allclose(found.test_error, exact.test_error, rtol=1e-6)
    assert found.best().index == exact.best().index


def test_error_falls_with_the_features_as_theory_says(rng):
    """Random features: by the root of their number. Nystrom: as the spectrum of the kernel falls, far faster."""
    real, synthetic, test = make(rng, sizes=(100, 300, 200))
    kernel, ridge = smx.kernels.RBF(1.5), 10.0
    exact = smx.krr.fit(real, synthetic, kernel=kernel, ridge=ridge).predict(test.x)
    every = np.concatenate([real.x, synthetic.x])

    def distance(features):
        fit = smx.krr.fit_features(real, synthetic, features=features, ridges=ridge)
        return np.mean((fit.predict(test.x) - exact) ** 2)

    fourier, nystrom = {}, {}
    for size in (64, 1024):
        keys = jax.random.split(jax.random.key(0), 8)
        draws = [smx.krr.fourier_features(kernel, size, dimension=D, key=key) for key in keys]
        fourier[size] = np.sqrt(np.mean([distance(features) for features in draws]))
    for size in (16, 64):
        draws = [rng.choice(400, size, replace=False) for _ in range(4)]
        nystrom[size] = np.sqrt(
            np.mean([distance(smx.krr.nystrom_features(kernel, every[rows])) for rows in draws])
        )
    # Sixteen times the features: a quarter of the error, known to a third from 8 draws of a few effective numbers.
    assert 2.7 < fourier[64] / fourier[1024] < 6
    assert nystrom[64] < fourier[1024]
    assert nystrom[64] < 0.1 * nystrom[16]


def test_memory_map_and_stream_give_the_same(rng, tmp_path):
    real, synthetic, _ = make(rng)
    options = dict(**GRID, method="nystrom", landmarks=synthetic.x[:12])
    whole = smx.krr.sweep(real, synthetic, **options)
    np.save(tmp_path / "x.npy", synthetic.x)
    mapped = smx.Dataset(np.load(tmp_path / "x.npy", mmap_mode="r"), synthetic.y)
    read = []

    def blocks():
        for start, stop in itertools.pairwise([0, 3, 3, 20, 49, 50]):
            read.append(start)
            yield synthetic[start:stop]

    stream = smx.krr.Stream(blocks, rows=M)
    for pool in (mapped, stream):
        found = smx.krr.sweep(real, pool, **options)
        # Blocks of other lengths: other orders of summation.
        np.testing.assert_allclose(found.loo_error, whole.loo_error, rtol=1e-10)
    assert read[-5:] == [0, 3, 3, 20, 49]  # once from beginning to end
    drawn = smx.krr.sweep(
        real, stream, **{**options, "landmarks": "uniform"}, num_features=12, key=jax.random.key(0)
    )
    assert np.isfinite(drawn.loo_error).all()


def test_devices_give_the_same(rng):
    real, synthetic, test = make(rng, "labels")
    options = dict(**GRID, test=test, method="nystrom", landmarks=synthetic.x[:12], residuals=True)
    one = smx.krr.sweep(real, synthetic, **options)
    for shape, names in (((2,), ("rows",)), ((2,), ("grid",))):
        mesh = jax.make_mesh(shape, names, devices=jax.devices()[:2])
        two = smx.krr.sweep(real, synthetic, **options, mesh=mesh)
        for name in ("loo_residuals", "loo_wrong", "test_error", "test_misclassified"):
            np.testing.assert_allclose(
                getattr(two, name), getattr(one, name), rtol=1e-9, atol=1e-12
            )


def test_leverages_of_many_points_are_interpolated_within_the_tolerance(rng, monkeypatch):
    real, synthetic, _ = make(rng, sizes=(400, 2000, 1))
    grid = dict(
        kernel=KERNEL,
        ridges=np.logspace(-2, 1, 5),
        weights=[0.3, 1.0],
        counts=[0, 100, 500, 1000, 2000],
    )
    options = dict(**grid, method="nystrom", landmarks=synthetic.x[:40], residuals=True)
    exact = smx.krr.sweep(real, synthetic, **options)
    assert exact.leverage_error == 0.0
    monkeypatch.setattr(_nystrom, "_FEW_POINTS", 100)
    found = smx.krr.sweep(real, synthetic, **options)
    assert 0 < found.leverage_error <= _nystrom._TOLERANCE
    # Squared residuals are off by twice the tolerance where errors were measured, elsewhere by a few times that.
    np.testing.assert_allclose(
        found.loo_residuals, exact.loo_residuals, rtol=8 * _nystrom._TOLERANCE
    )
    np.testing.assert_allclose(found.loo_error, exact.loo_error, rtol=_nystrom._TOLERANCE / 2)


def test_points_that_lie_apart_are_interpolated_as_well(rng, monkeypatch):
    """Six real points far from all others, each a landmark: a random sample of 192 would hold one of them."""
    real, synthetic, _ = make(rng, sizes=(1200, 2000, 1))
    x, near = real.x.copy(), synthetic.x.copy()
    x[:6] = 8 + 3 * rng.normal(size=(6, D))
    near[:10] = x[0] + 0.1 * rng.normal(size=(10, D))
    data = smx.Dataset(x, np.sin(x[:, 0])), smx.Dataset(near, np.sin(near[:, 0]))
    options = dict(
        kernel=KERNEL, ridges=np.logspace(-6, 1, 8), weights=[0.3, 1.0], counts=[0, 700, 2000],
        method="nystrom", landmarks=np.concatenate([x[:6], near[100:130]]), residuals=True,
    )  # fmt: skip
    found = smx.krr.sweep(*data, **options)
    monkeypatch.setattr(_nystrom, "_FEW_POINTS", 10**6)
    exact = smx.krr.sweep(*data, **options)
    assert (exact.leverage_error, found.best().index) == (0.0, exact.best().index)
    off = np.abs(found.loo_residuals / exact.loo_residuals - 1).max()
    assert 0 < off < 4 * found.leverage_error < 4 * _leverage.ACCEPTABLE


def test_interpolation_takes_all_cells_where_few_do_not_span_them(rng):
    noise = rng.uniform(0, 0.5, size=(192, 100))
    plan = _leverage.interpolate(noise, tolerance=1e-3, most=40)
    assert len(plan.cells) == 100
    low = rng.uniform(size=(192, 5)) @ rng.uniform(size=(5, 100)) / 10
    low[:, 3] = np.nan  # a failed cell stays one, and spoils no other
    plan = _leverage.interpolate(low, tolerance=1e-9, most=40)
    assert len(plan.cells) <= 8
    mended = low[:, plan.cells] @ plan.weights
    assert np.isnan(mended[:, 3]).all()
    np.testing.assert_allclose(np.delete(mended, 3, 1), np.delete(low, 3, 1), atol=1e-9)


def test_fit_on_features_averages_cells(rng):
    real, synthetic, test = make(rng, "labels")
    sweep = smx.krr.sweep(
        real, synthetic, **GRID, **METHODS["nystrom"], test=test, key=jax.random.key(0)
    )
    one = {}
    for cell in ((0, 1, 2), (2, 0, 0)):
        w, l, c = cell
        fit = smx.krr.fit_features(
            real,
            synthetic,
            features=sweep.features,
            ridges=RIDGES[l],
            weights=WEIGHTS[w],
            counts=[COUNTS[c]],
        )
        one[cell] = fit.predict(test.x)
        error = ((one[cell] - encoded(test)) ** 2).sum(1).mean()
        assert error == pytest.approx(sweep.test_error[cell], rel=1e-9)
    share = np.zeros((3, 2, 3))
    share[0, 1, 2], share[2, 0, 0] = 0.3, 0.7
    options = dict(features=sweep.features, ridges=RIDGES, weights=WEIGHTS, counts=COUNTS)
    mean = smx.krr.fit_features(real, synthetic, **options, frequencies=share).predict(test.x)
    np.testing.assert_allclose(mean, 0.3 * one[0, 1, 2] + 0.7 * one[2, 0, 0], rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match=r"18 cells .* need frequencies"):
        smx.krr.fit_features(real, synthetic, **options)


def test_auto_is_exact_until_memory_ends(rng):
    real, synthetic, _ = make(rng)
    options = dict(**GRID, method="auto", key=jax.random.key(0), num_features=2048)
    assert smx.krr.sweep(real, synthetic, **options).method == "exact"
    needed = smx.krr.estimate_memory(N, M, features=D, counts=3, ridges=2, weights=3)
    tight = smx.krr.sweep(real, synthetic, **{**options, "counts": None, "memory_limit": None})
    assert tight.method == "exact"
    assert len(tight.counts) == M + 1
    with pytest.raises(
        ValueError, match="GB for 80 features"
    ):  # even features do not fit, and this says so
        smx.krr.sweep(real, synthetic, **options, memory_limit=needed - 1)


def test_a_failed_cell_spoils_no_other():
    """Thirty copies of six points in 64 features: no factor without a ridge."""
    rng = np.random.default_rng(0)
    real = smx.Dataset(np.repeat(rng.normal(size=(6, D)), 5, axis=0), rng.normal(size=30))
    options = dict(kernel=KERNEL, method="random_features", num_features=64, key=jax.random.key(0))
    alone = smx.krr.sweep(real, None, ridges=[0.5], **options)
    both = smx.krr.sweep(real, None, ridges=[1e-300, 0.5], **options)
    assert np.isnan(both.loo_error[0, 0, 0])
    assert both.status.ravel().tolist() == [2, 0]
    np.testing.assert_allclose(both.loo_error[0, 1], alone.loo_error[0, 0], rtol=1e-12)


def test_small_blocks_score_the_same_points(rng, monkeypatch):
    """Thirty real and twelve test points, eight at a time: labels and leverages stay with their points."""
    real, synthetic, test = make(rng, "labels")
    options = dict(**GRID, **METHODS["nystrom"], test=test, residuals=True, key=jax.random.key(1))
    whole = smx.krr.sweep(real, synthetic, **options)
    cells, classes = whole.loo_error.size, 3
    monkeypatch.setattr(_nystrom, "_BLOCK_NUMBERS", 8 * cells * classes)
    found = smx.krr.sweep(real, synthetic, **options)
    for name in (
        "loo_residuals",
        "loo_wrong",
        "loo_misclassified",
        "test_error",
        "test_misclassified",
    ):
        np.testing.assert_allclose(
            getattr(found, name), getattr(whole, name), rtol=1e-9, atol=1e-12
        )


def test_few_counts_where_none_are_named(rng):
    real, synthetic, _ = make(rng)
    grid = {**GRID, "counts": None, "ridges": [0.1], "weights": [1.0]}
    counts = smx.krr.sweep(
        real, synthetic, **grid, **METHODS["nystrom"], key=jax.random.key(0)
    ).counts
    assert (counts[0], counts[-1], len(counts)) == (0, M, 33)


def with_numpy(a, b):
    return np.exp(-((np.asarray(a)[:, None] - np.asarray(b)[None]) ** 2).sum(-1))


def test_bad_input_is_refused_at_once(rng):
    real, synthetic, _ = make(rng)
    stream = smx.krr.Stream(lambda: iter([synthetic[:20]]), rows=M)
    other = smx.krr.Stream(lambda: iter([synthetic[:20], real.x]), rows=M)
    key = jax.random.key(0)
    for change, words in (
        (dict(method="nystrom", key=None), "give key"),
        (dict(method="exactly"), "method must be one of"),
        (dict(method="nystrom", num_features=81), "81 landmarks and there are 80 rows"),
        (dict(method="nystrom", num_features=0), "num_features must be a whole number"),
        (dict(method="nystrom", landmarks="random"), "landmarks must be one of"),
        (dict(method="nystrom", landmarks=np.zeros((4, 2))), r"landmarks has shape \(4, 2\)"),
        (
            dict(method="nystrom", landmarks=np.full((4, 3), np.nan)),
            "landmarks holds 12 non-finite",
        ),
        (
            dict(method="random_features", kernel=smx.kernels.NTK(depth=2), num_features=8),
            "stationary kernel",
        ),
        (
            dict(method="random_features", kernel=KERNEL.__call__, num_features=8),
            "spectral density",
        ),
        (dict(method="random_features", num_features=9), "must be even"),
        (dict(method="nystrom", num_features=9, kernel=with_numpy), "computes with NumPy"),
        (dict(method="nystrom", num_features=9, memory_limit=1000), "Take fewer features"),
        (
            dict(method="nystrom", num_features=9, mesh=jax.make_mesh((1,), ("x",))),
            r"mesh has axes \('x',\)",
        ),
        (dict(method="nystrom", num_features=9, mesh="all"), "mesh must be a jax.sharding.Mesh"),
    ):
        with pytest.raises(ValueError, match=words):
            smx.krr.sweep(real, synthetic, **{**GRID, "key": key, **change})
    once = synthetic[:20], synthetic[20:]
    same = iter(once)
    for change, words in (
        (
            dict(blocks=iter(once), rows=M),
            "blocks must be a function .* A generator runs only once",
        ),
        (dict(blocks=lambda: iter(once), rows=50.0), "rows must be a whole number"),
    ):
        with pytest.raises(ValueError, match=words):
            # Beneath the type checks of the suite, which users do not have.
            smx.krr.Stream.__post_init__(SimpleNamespace(**change))
    labelled = make(rng, "labels")
    late = smx.krr.Stream(
        lambda: iter([labelled[1][:20], smx.Dataset(synthetic.x, np.arange(M) % 4)]), rows=70
    )
    with pytest.raises(ValueError, match=r"has 4 classes, .* num_classes=4"):
        smx.krr.sweep(labelled[0], late, **GRID, method="nystrom", landmarks=synthetic.x[:5])
    for change, words in (
        (dict(method="auto", key=None), "'auto' may draw landmarks"),
        (dict(method="random_features", num_features=8, landmarks="leverage"), "landmarks are for"),
    ):
        with pytest.raises(ValueError, match=words):
            smx.krr.sweep(real, synthetic, **{**GRID, "key": key, **change})
    for pool, words in (
        (smx.krr.Stream(lambda: same, rows=M), "the same iterator twice"),
        (stream, "ended after 20 rows"),
        (other, "each block must be a synthmix_jax.Dataset"),
        (smx.krr.Stream(lambda: iter([]), rows=5), "ended after 0 rows"),
    ):
        counts = [0, 5] if len(pool) == 5 else COUNTS
        with pytest.raises(ValueError, match=words):
            smx.krr.sweep(
                real, pool, **{**GRID, "counts": counts}, method="nystrom", num_features=4, key=key
            )
    numbers = smx.Dataset(np.arange(N), real.y)
    later = smx.Dataset(np.arange(M) + 25, synthetic.y)  # beyond the matrix
    given = dict(kernel=smx.kernels.Precomputed(np.eye(40)), landmarks=np.arange(9.0))
    with pytest.raises(ValueError, match="features of some points are not finite"):
        smx.krr.sweep(numbers, later, **{**GRID, **given}, method="nystrom")
    with pytest.raises(ValueError, match="which method='exact' cannot hold"):
        smx.krr.sweep(real, stream, **GRID)
