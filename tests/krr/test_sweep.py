"""The nested sweep against refits from scratch, against scikit-learn, and at its edges."""

import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

import synthmix_jax as smx
from synthmix_jax import _matching, _numerics
from synthmix_jax.krr import _direct, _exact, _nested, _problem

N, M, T, D = 9, 14, 6, 3
RIDGES, WEIGHTS = [1e-3, 0.5], [0.1, 1.0, 10.0]

KERNELS = {
    "rbf": smx.kernels.RBF(1.5),
    "rbf-ard": smx.kernels.RBF(np.array([0.7, 1.5, 3.0])),
    "laplace": smx.kernels.Laplace(1.5),
    "matern-3/2": smx.kernels.Matern(1.5, nu=1.5),
    "matern-5/2": smx.kernels.Matern(1.5, nu=2.5),
    "polynomial": smx.kernels.Polynomial(3, offset=1.0),
    "arc-cosine": smx.kernels.ArcCosine(depth=2),
    "ntk": smx.kernels.NTK(depth=2),
    "sum": smx.kernels.RBF(1.5) + 0.5 * smx.kernels.Polynomial(1, offset=1.0),
    "callable": lambda a, b: jnp.exp(-jnp.abs(a[:, None, :] - b[None, :, :]).sum(-1)),
}
TARGETS = ("scalar", "outputs", "labels")


def make(rng, targets, sizes=(N, M, T)):
    """Real, synthetic and test data of one kind of target."""
    data = []
    for size in sizes:
        x = rng.normal(size=(size, D))
        y = {
            "scalar": np.sin(x[:, 0]),
            "outputs": np.stack([np.sin(x[:, 0]), x[:, 1]], axis=1),
            "labels": np.arange(size) % 3,
        }[targets]
        data.append(smx.Dataset(x + 0.1 * rng.normal(size=x.shape), y))
    return data


def problem_of(real, synthetic, test, kernel):
    classes = _matching.num_classes(real, synthetic, test)
    with _numerics.x64():
        return _problem.build(real, synthetic, kernel, test, classes=classes)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("way", ["forward", "backward", "scan"])
def test_equals_refits_from_scratch(kernel, targets, way, rng, monkeypatch):
    monkeypatch.setattr(_nested, "SEGMENTS", 0 if way == "scan" else 128)
    monkeypatch.setattr(_nested, "back_substitutes", lambda *_: way == "backward")
    jax.clear_caches()  # the choice of way is made while tracing
    real, synthetic, test = make(rng, targets)
    counts = [0, 1, 4, 13, 14]
    sweep = smx.krr.sweep(
        real,
        synthetic,
        kernel=KERNELS[kernel],
        ridges=RIDGES,
        weights=WEIGHTS,
        counts=counts,
        test=test,
        residuals=True,
    )
    problem = problem_of(real, synthetic, test, KERNELS[kernel])
    for (w, weight), (l, ridge), (c, count) in itertools.product(
        enumerate(WEIGHTS), enumerate(RIDGES), enumerate(counts)
    ):
        error = _direct.test_error(problem, N, ridge, weight, count)
        np.testing.assert_allclose(sweep.test_error[w, l, c], error, rtol=1e-10)
        left_out = _direct.left_out_residuals(problem, N, ridge, weight, count)
        squared = (left_out**2).sum(axis=1)
        # A residual near zero carries the round-off of the others: relative to the largest.
        np.testing.assert_allclose(
            sweep.loo_residuals[w, l, c], squared, rtol=1e-8, atol=1e-10 * squared.max()
        )
        np.testing.assert_allclose(sweep.loo_error[w, l, c], squared.mean(), rtol=1e-8)
        if targets == "labels":
            predicted = np.asarray(problem.targets)[:N] - left_out
            wrong = (predicted.argmax(axis=1) != real.y).mean()
            assert sweep.loo_misclassified[w, l, c] == pytest.approx(wrong)
    jax.clear_caches()


def test_all_counts_equal_some_counts(rng):
    real, synthetic, test = make(rng, "labels")
    arguments = dict(kernel=KERNELS["rbf"], ridges=RIDGES, weights=WEIGHTS, test=test)
    every = smx.krr.sweep(real, synthetic, **arguments)
    some = smx.krr.sweep(real, synthetic, counts=[0, 3, 14], **arguments)
    assert every.counts.tolist() == list(range(M + 1))
    np.testing.assert_allclose(every.ratios, every.counts / N)
    for name in ("loo_error", "loo_misclassified", "test_error", "test_misclassified"):
        np.testing.assert_allclose(
            getattr(every, name)[:, :, [0, 3, 14]], getattr(some, name), rtol=1e-11
        )


@pytest.mark.parametrize("weight", WEIGHTS)
def test_agrees_with_scikit_learn(weight, rng):
    real, synthetic, test = make(rng, "outputs")
    sweep = smx.krr.sweep(
        real, synthetic, kernel=smx.kernels.RBF(1.5), ridges=RIDGES, weights=[weight], test=test
    )
    for (l, ridge), count in itertools.product(enumerate(RIDGES), (0, 5, M)):
        x = np.concatenate([real.x, synthetic.x[:count]])
        y = np.concatenate([real.y, synthetic.y[:count]])
        peer = KernelRidge(kernel="rbf", gamma=1 / (2 * 1.5**2), alpha=ridge)
        peer.fit(x, y, sample_weight=np.r_[np.ones(N), np.full(count, weight)])
        error = ((peer.predict(test.x) - test.y) ** 2).sum(axis=1).mean()
        np.testing.assert_allclose(sweep.test_error[0, l, count], error, rtol=1e-10)


def test_targets_are_centred_one_hot(rng):
    real, synthetic, test = make(rng, "labels")
    encode = lambda y: np.eye(3)[y] - 1 / 3
    as_targets = [smx.Dataset(d.x, encode(d.y)) for d in (real, synthetic, test)]
    arguments = dict(kernel=KERNELS["rbf"], ridges=RIDGES)
    labels = smx.krr.sweep(real, synthetic, test=test, **arguments)
    targets = smx.krr.sweep(*as_targets[:2], test=as_targets[2], **arguments)
    np.testing.assert_allclose(labels.loo_error, targets.loo_error, rtol=1e-12)
    np.testing.assert_allclose(labels.test_error, targets.test_error, rtol=1e-12)
    assert targets.loo_misclassified is None
    assert targets.test_misclassified is None


def test_the_callers_precision_changes_nothing(rng):
    real, synthetic, test = make(rng, "scalar")
    arguments = dict(kernel=KERNELS["matern-3/2"], ridges=[1e-6], test=test)
    assert not jax.config.jax_enable_x64
    narrow = smx.krr.sweep(real, synthetic, **arguments)
    assert not jax.config.jax_enable_x64
    with jax.enable_x64(True):
        wide = smx.krr.sweep(real, synthetic, **arguments)
    assert narrow.loo_error.dtype == np.float64
    np.testing.assert_array_equal(narrow.loo_error, wide.loo_error)


def test_real_points_only(rng):
    real, _, test = make(rng, "scalar")
    sweep = smx.krr.sweep(real, None, kernel=KERNELS["rbf"], ridges=RIDGES, test=test)
    assert sweep.counts.tolist() == [0]
    assert sweep.loo_error.shape == (1, 2, 1)


def test_without_leave_one_out(rng):
    real, synthetic, test = make(rng, "scalar")
    arguments = dict(kernel=KERNELS["rbf"], ridges=RIDGES, test=test)
    without = smx.krr.sweep(real, synthetic, loo=False, **arguments)
    assert without.loo_error is None
    full = smx.krr.sweep(real, synthetic, **arguments)
    np.testing.assert_allclose(without.test_error, full.test_error, rtol=1e-11)
    with pytest.raises(ValueError, match="loo=True"):
        without.best()


def test_best_finds_the_least_error(rng):
    real, synthetic, test = make(rng, "scalar")
    sweep = smx.krr.sweep(
        real, synthetic, kernel=KERNELS["rbf"], ridges=RIDGES, weights=WEIGHTS, test=test
    )
    for by, errors in (("loo", sweep.loo_error), ("test", sweep.test_error)):
        best = sweep.best(by=by)
        assert best.error == errors.min() == errors[best.index]
        assert best.ratio == best.count / N
        assert sweep.weights[best.index[0]] == best.weight
        assert sweep.ridges[best.index[1]] == best.ridge
    with pytest.raises(ValueError, match="'loo', 'test', got 'train'"):
        sweep.best(by="train")


def test_images_and_integer_images(rng):
    pixels = rng.integers(0, 256, size=(N + M, 4, 4), dtype=np.uint8)
    y = rng.normal(size=N + M)
    results = [
        smx.krr.sweep(
            smx.Dataset(x[:N], y[:N]),
            smx.Dataset(x[N:], y[N:]),
            kernel=smx.kernels.RBF(1.0),
            ridges=[0.1],
        ).loo_error
        for x in (pixels, pixels / 255, (pixels / 255).reshape(N + M, -1))
    ]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)
    np.testing.assert_allclose(results[0], results[2], rtol=1e-12)


def test_half_precision_inputs_are_widened(rng):
    x, y = rng.normal(size=(N + M, D)).astype(np.float16), rng.normal(size=N + M).astype(np.float16)
    both = [
        smx.krr.sweep(
            smx.Dataset(a[:N], b[:N]),
            smx.Dataset(a[N:], b[N:]),
            kernel=KERNELS["rbf"],
            ridges=[0.1],
        ).loo_error
        for a, b in ((x, y), (x.astype(np.float64), y.astype(np.float64)))
    ]
    np.testing.assert_array_equal(both[0], both[1])


def test_a_precomputed_gram_matrix(rng):
    real, synthetic, test = make(rng, "scalar")
    x = np.concatenate([real.x, synthetic.x, test.x])
    with jax.enable_x64(True):
        matrix = np.asarray(smx.kernels.gram(KERNELS["rbf"], x))
    index = np.arange(len(x))
    parts = [
        smx.Dataset(index[a:b], d.y)
        for d, a, b in ((real, 0, N), (synthetic, N, N + M), (test, N + M, N + M + T))
    ]
    arguments = dict(ridges=RIDGES)
    given = smx.krr.sweep(
        *parts[:2], test=parts[2], kernel=smx.kernels.Precomputed(matrix), **arguments
    )
    computed = smx.krr.sweep(real, synthetic, test=test, kernel=KERNELS["rbf"], **arguments)
    np.testing.assert_allclose(given.test_error, computed.test_error, rtol=1e-10)
    np.testing.assert_allclose(given.loo_error, computed.loo_error, rtol=1e-10)


def test_a_failed_factorisation_spoils_no_other_cell(rng):
    real, synthetic, test = make(rng, "scalar")
    x = np.array(synthetic.x)
    x[9] = x[4]  # the matrix of 10 and more synthetic points is singular
    repeated = smx.Dataset(x, synthetic.y)
    ridges = [1e-300, 0.1]
    sweep = smx.krr.sweep(real, repeated, kernel=KERNELS["rbf"], ridges=ridges, test=test)
    assert np.isfinite(sweep.loo_error[0, 1]).all()
    assert (sweep.status[0, 1] == 0).all()
    failed = sweep.status[0, 0] == 2
    assert failed[10:].any()
    assert not failed[:9].any()
    assert np.isnan(sweep.loo_error[0, 0][failed]).all()
    usable = sweep.counts[~failed]
    fewer = smx.krr.sweep(
        real, repeated, kernel=KERNELS["rbf"], ridges=ridges, counts=usable, test=test
    )
    np.testing.assert_array_equal(fewer.status[0, 0], 1)
    text = sweep.explain(0, 0, int(np.flatnonzero(failed)[0]))
    assert "not positive definite" in text
    assert "need a ridge of" in text
    assert "fewer than about six digits" in sweep.explain(0, 0, 0)
    assert sweep.explain(0, 1, 0) == "ok"
    assert sweep.best().ridge in ridges


def test_every_cell_failed(rng):
    real, synthetic, _ = make(rng, "scalar")
    negative = lambda a, b: -jnp.ones((a.shape[0], b.shape[0]))
    sweep = smx.krr.sweep(real, synthetic, kernel=negative, ridges=[0.1])
    assert (sweep.status == 2).all()
    with pytest.raises(ValueError, match="no cell of the sweep succeeded"):
        sweep.best()


def test_grid_is_a_pure_function(rng):
    """It differentiates, and a batch of problems is each problem."""
    real, synthetic, test = make(rng, "scalar")
    problem = problem_of(real, synthetic, test, KERNELS["rbf"])
    with jax.enable_x64(True):
        rows, weight = jnp.array([N + M]), jnp.array([1.0])

        def error(ridge):
            return _exact.grid(problem, ridge[None], weight, rows, n=N, counts=(0, 5)).loo_error[
                0, 1
            ]

        slope = jax.grad(error)(jnp.float64(0.3))
        step = 1e-6
        difference = (error(jnp.float64(0.3 + step)) - error(jnp.float64(0.3 - step))) / (2 * step)
        np.testing.assert_allclose(slope, difference, rtol=1e-7)

        scaled = problem._replace(
            targets=2.0 * problem.targets, test_targets=2.0 * problem.test_targets
        )
        batch = jax.tree.map(lambda a, b: jnp.stack([a, b]), problem, scaled)
        batched = jax.vmap(
            lambda p: _exact.grid(p, jnp.array([0.3]), weight, rows, n=N, counts=(0, 5)).test_error
        )(batch)
        np.testing.assert_allclose(batched[1], 4.0 * batched[0], rtol=1e-12)


def test_no_retracing_for_other_numbers(rng):
    real, synthetic, test = make(rng, "scalar")
    smx.krr.sweep(real, synthetic, kernel=smx.kernels.RBF(1.0), ridges=[0.1, 1.0], test=test)
    before = _exact.grid._cache_size()
    smx.krr.sweep(real, synthetic, kernel=smx.kernels.RBF(2.0), ridges=[0.2, 3.0], test=test)
    assert _exact.grid._cache_size() == before


BAD = {
    "no real point": (dict(real=lambda r, s: r[:0]), "real holds no points"),
    "one real point": (dict(real=lambda r, s: r[:1]), "leave-one-out needs at least two"),
    "zero synthetic points": (dict(synthetic=lambda r, s: s[:0]), "synthetic holds no points"),
    "features": (dict(synthetic=lambda r, s: smx.Dataset(s.x[:, :2], s.y)), r"\(9, 3\).*\(14, 2\)"),
    "label kinds": (
        dict(synthetic=lambda r, s: smx.Dataset(s.x, np.arange(M) % 2)),
        "real.y holds targets .* synthetic.y holds labels",
    ),
    "outputs": (
        dict(synthetic=lambda r, s: smx.Dataset(s.x, np.zeros((M, 2)))),
        "target shapes differ",
    ),
    "negative ridge": (dict(ridges=[-1.0]), "ridges must be positive and finite, got -1"),
    "zero ridge": (dict(ridges=[0.1, 0.0]), "ridges must be positive and finite, got 0"),
    "nan ridge": (dict(ridges=[np.nan]), "ridges must be positive and finite, got nan"),
    "no ridge": (dict(ridges=[]), "ridges must be one number or a non-empty list"),
    "negative weight": (dict(weights=[-0.5]), "weights must be positive and finite, got -0.5"),
    "zero weight": (dict(weights=[0.0]), "use a count of zero instead"),
    "counts beyond the pool": (dict(counts=[0, 15]), "asks for 15 synthetic .* holds 14"),
    "negative counts": (dict(counts=[-1, 2]), "must not be negative, got -1"),
    "fractional counts": (dict(counts=[0.5]), "whole numbers, got 0.5"),
    "unsorted counts": (dict(counts=[3, 1]), "strictly increasing"),
    "kernel of the wrong shape": (dict(kernel=lambda a, b: jnp.ones(3)), "shape"),
    "kernel of nan": (
        dict(kernel=lambda a, b: jnp.full((a.shape[0], b.shape[0]), jnp.nan)),
        "non-finite values",
    ),
    "residuals without loo": (dict(loo=False, residuals=True), "leaves nothing|turns off"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, rng):
    changes, message = BAD[case]
    real, synthetic, _ = make(rng, "scalar")
    arguments = dict(real=real, synthetic=synthetic, kernel=KERNELS["rbf"], ridges=[0.1])
    for name, value in changes.items():
        data = name in ("real", "synthetic")
        arguments[name] = value(real, synthetic) if data else value
    with pytest.raises(ValueError, match=message):
        smx.krr.sweep(**arguments)


def test_plain_arrays_are_refused():
    # The suite's shape checks would catch this first; users do without them.
    check = inspect.unwrap(_matching.check_data)
    with pytest.raises(ValueError, match=r"Wrap arrays as smx\.Dataset"):
        check(np.zeros((3, 3)), None)


def test_uint8_beside_floats_up_to_255_is_refused(rng):
    pixels = rng.integers(0, 256, size=(N + M, 4), dtype=np.uint8)
    y = rng.normal(size=N + M)
    real, synthetic = smx.Dataset(pixels[:N], y[:N]), smx.Dataset(pixels[N:].astype(float), y[N:])
    with pytest.raises(ValueError, match="Divide that one by 255"):
        smx.krr.sweep(real, synthetic, kernel=KERNELS["rbf"], ridges=[0.1])


def test_class_names_that_differ_are_refused(rng):
    x = rng.normal(size=(4, 2))
    real = smx.Dataset(x, [0, 1, 0, 1], class_names=("cat", "dog"))
    synthetic = smx.Dataset(x, [0, 1, 0, 1], class_names=("dog", "cat"))
    with pytest.raises(ValueError, match="class names differ"):
        smx.krr.sweep(real, synthetic, kernel=KERNELS["rbf"], ridges=[0.1])
