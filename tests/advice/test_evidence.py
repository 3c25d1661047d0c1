"""Folds, pools and orders: who is scored with what, against refits from scratch."""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.advice import _evidence, _predictor

KEY = jax.random.key(0)
N, D = 14, 2
SCALE = 1.1
GRID = _evidence.Grid(
    smx.kernels.RBF(SCALE), np.array([0.05, 1.0]), np.array([0.3, 1.0, 4.0]), np.array([0, 3, 8])
)


def make(rng, targets, size):
    x = rng.normal(size=(size, D))
    y = {"scalar": np.sin(x[:, 0]), "outputs": np.cos(x), "labels": np.arange(size) % 3}[targets]
    return smx.Dataset(x, y)


def encoded(data):
    y = np.asarray(data.y)
    return (np.eye(3)[y] - 1 / 3 if data.num_classes else y).reshape(len(y), -1)


def gram(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * SCALE**2))


def left_out(real, pool, i, ridge, weight, count):
    """Prediction at real point i of a fit without it, with the first `count` points of the pool."""
    rest = np.delete(np.arange(len(real)), i)
    x = np.concatenate([real.x[rest], pool.x[:count]])
    y = np.concatenate([encoded(real)[rest], encoded(pool)[:count]])
    noise = np.r_[np.full(len(rest), ridge), np.full(count, ridge / weight)]
    return gram(real.x[i : i + 1], x) @ np.linalg.solve(gram(x, x) + np.diag(noise), y)


def brute_force(real, pool_of):
    """Squared residuals and misclassifications (w, l, c, n); `pool_of(i)` gives the pool of point i."""
    shape = (len(GRID.weights), len(GRID.ridges), len(GRID.counts), len(real))
    residuals, wrong = np.empty(shape), np.empty(shape)
    for w, l, c, i in np.ndindex(shape):
        at = left_out(real, pool_of(i), i, GRID.ridges[l], GRID.weights[w], GRID.counts[c])[0]
        residuals[w, l, c, i] = ((at - encoded(real)[i]) ** 2).sum()
        wrong[w, l, c, i] = at.argmax() != encoded(real)[i].argmax()
    return residuals, wrong


def check(sweep, residuals, wrong, labels):
    np.testing.assert_allclose(sweep.loo_residuals, residuals, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(sweep.loo_error, residuals.mean(axis=-1), rtol=1e-9)
    if labels:
        np.testing.assert_allclose(sweep.loo_wrong, wrong, atol=1e-12)
        np.testing.assert_allclose(sweep.loo_misclassified, wrong.mean(axis=-1), atol=1e-12)
    else:
        assert sweep.loo_wrong is None
        assert sweep.loo_misclassified is None


@pytest.mark.parametrize("targets", ["scalar", "outputs", "labels"])
def test_each_point_is_scored_with_the_pool_of_its_fold(targets, rng):
    real = make(rng, targets, N)
    pools = [make(rng, targets, size) for size in (8, 11, 9)]
    folds = rng.permutation(np.arange(N) % 3)
    steps = []
    sweep = _evidence.cross_fitted(real, pools, folds, GRID, lambda: steps.append(1))
    check(sweep, *brute_force(real, lambda i: pools[folds[i]]), targets == "labels")
    assert len(steps) == 3 * len(GRID.weights)
    np.testing.assert_array_equal(sweep.weights, GRID.weights)
    np.testing.assert_array_equal(sweep.counts, GRID.counts)


@pytest.mark.parametrize("targets", ["scalar", "labels"])
def test_several_orders_are_averaged(targets, rng):
    real, pool = make(rng, targets, N), make(rng, targets, 8)
    orders = _evidence.nested_orders(pool, 3, key=KEY)
    assert len({tuple(order) for order in orders}) == 3
    steps = []
    sweep = _evidence.from_pool(real, pool, orders, GRID, lambda: steps.append(1))
    parts = [brute_force(real, lambda i, order=order: pool[order]) for order in orders]
    check(sweep, *(np.mean(part, axis=0) for part in zip(*parts, strict=True)), targets == "labels")
    assert len(steps) == 3 * len(GRID.weights)


def test_a_failed_fold_fails_the_cell_and_no_other(rng):
    real, good = make(rng, "scalar", N), make(rng, "scalar", 8)
    x = good.x.copy()
    x[5, 0] = 200.0
    far = lambda a: (a[:, :1] > 100.0).astype(float)
    # Minus four on the diagonal there: 6 and more points need a ridge above that.
    kernel = lambda a, b: GRID.kernel(a, b) - 5.0 * far(a) @ far(b).T
    grid = GRID._replace(kernel=kernel, ridges=np.array([0.05, 50.0]))
    folds = np.arange(N) % 2
    sweep = _evidence.cross_fitted(real, [good, smx.Dataset(x, good.y)], folds, grid, lambda: None)
    assert np.isnan(sweep.loo_error[:, 0, 2]).all()
    assert (sweep.status[:, 0, 2] == 2).all()
    assert np.isfinite(sweep.loo_error[:, 1]).all()
    assert (sweep.status[:, 1] == 0).all()


@pytest.mark.parametrize("number", [2, 3, 5, 14])
def test_folds_are_balanced_overall_and_in_every_class(number, rng):
    for y in (np.repeat([0, 1, 2], [7, 4, 3]), np.arange(14) % 5, rng.normal(size=14)):
        real = smx.Dataset(rng.normal(size=(14, D)), y)
        for seed in range(10):
            folds = _evidence.split_folds(real, number, key=jax.random.key(seed))
            groups = [np.ones(14, bool)]
            if real.num_classes:
                groups += [y == c for c in range(real.num_classes)]
            for group in groups:
                sizes = np.bincount(folds[group], minlength=number)
                assert sizes.max() - sizes.min() <= 1
                assert len(sizes) == number


def test_folds_are_random_and_a_function_of_the_key(rng):
    real = make(rng, "labels", 30)
    fold = lambda seed: _evidence.split_folds(real, 3, key=jax.random.key(seed))
    np.testing.assert_array_equal(fold(0), fold(0))
    assert (fold(0) != fold(1)).any()


@pytest.mark.parametrize("number", [0, 1, 15])
def test_too_few_and_too_many_folds(number, rng):
    with pytest.raises(ValueError, match=f"between 2 and the 14 real points, got {number}"):
        _evidence.split_folds(make(rng, "scalar", 14), number, key=KEY)


def test_a_recipe_sees_every_fold_but_its_own(rng):
    real = make(rng, "scalar", N)
    seen = []

    def recipe(fold):
        seen.append(np.asarray(fold.x))
        return smx.Dataset(fold.x + 1.0, fold.y)

    folds = np.arange(N) % 3
    pools = _evidence.draw_pools(real, recipe, folds, centre=0.25, key=KEY)
    assert len(pools) == 3
    for fold, pool in enumerate(pools):
        np.testing.assert_array_equal(seen[fold], real.x[folds != fold])
        order = np.argsort(pool.x[:, 0])
        expected = real[folds != fold][np.argsort(real.x[folds != fold, 0])]
        np.testing.assert_array_equal(pool.x[order], expected.x + 1.0)
        np.testing.assert_allclose(pool.y[order], expected.y - 0.25, rtol=1e-15)


def test_a_recipe_must_return_matching_data(rng):
    real = make(rng, "scalar", N)
    draw = lambda recipe: _evidence.draw_pools(real, recipe, np.arange(N) % 2, centre=0.0, key=KEY)
    with pytest.raises(ValueError, match="must return a Dataset; it returned ndarray"):
        draw(lambda fold: fold.x)
    with pytest.raises(ValueError, match="features differ"):
        draw(lambda fold: smx.Dataset(fold.x[:, :1], fold.y))


@pytest.mark.parametrize("targets", ["scalar", "outputs", "labels"])
def test_the_bagged_predictor_is_an_average_of_fits(targets, rng):
    real, pool, x = make(rng, targets, N), make(rng, targets, 8), rng.normal(size=(5, D))
    orders = _evidence.nested_orders(pool, 2, key=KEY)
    frequencies = rng.dirichlet(np.ones(18)).reshape(3, 2, 3)
    centre = 0.0 if targets == "labels" else 2.5
    predict = _predictor.bagged(
        real,
        pool,
        orders,
        kernel=GRID.kernel,
        ridges=GRID.ridges,
        weights=GRID.weights,
        counts=GRID.counts,
        frequencies=frequencies,
        centre=centre,
    )
    wanted = 0.0
    for w, l, c in np.ndindex(3, 2, 3):
        for order in orders:
            count = int(GRID.counts[c])
            fit = smx.krr.fit(
                real,
                pool[order[:count]] if count else None,
                kernel=GRID.kernel,
                ridge=float(GRID.ridges[l]),
                weight=float(GRID.weights[w]),
            )
            wanted = wanted + frequencies[w, l, c] / 2 * (fit.predict(x) + centre)
    np.testing.assert_allclose(predict(x), wanted, rtol=1e-10, atol=1e-11)
    np.testing.assert_array_equal(predict(x), predict(x))


def bag_of(frequencies, rng, ridges):
    real, pool = make(rng, "scalar", N), make(rng, "scalar", 8)
    orders = _evidence.nested_orders(pool, 2, key=KEY)
    predict = _predictor.bagged(
        real,
        pool,
        orders,
        kernel=GRID.kernel,
        ridges=ridges,
        weights=np.array([1.0]),
        counts=GRID.counts,
        frequencies=frequencies,
        centre=0.0,
    )
    return real, predict


def test_rare_pairs_are_left_out_and_the_rest_rescaled(rng):
    frequencies = np.zeros((1, 2, 3))
    frequencies[0, 0, 0], frequencies[0, 1, 2] = 0.99, 0.01
    real, predict = bag_of(frequencies, rng, GRID.ridges)
    alone = smx.krr.fit(real, kernel=GRID.kernel, ridge=0.05)
    np.testing.assert_allclose(predict(real.x), alone.predict(real.x), rtol=1e-11)


def test_where_every_pair_is_rare_none_is_left_out(rng):
    """80 ridges, each best in one bootstrap sample of 80."""
    ridges = np.geomspace(0.1, 10.0, 80)
    frequencies = np.zeros((1, 80, 3))
    frequencies[0, :, 0] = 1 / 80
    real, predict = bag_of(frequencies, rng, ridges)
    fits = [smx.krr.fit(real, kernel=GRID.kernel, ridge=float(r)).predict(real.x) for r in ridges]
    np.testing.assert_allclose(predict(real.x), np.mean(fits, axis=0), rtol=1e-10, atol=1e-12)
