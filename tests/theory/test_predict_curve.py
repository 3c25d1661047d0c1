"""Curves predicted from samples, against leave-one-out, random orders of the pool, and the exact formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.theory import _resolvent, predict_curve

RIDGES, WEIGHTS = (0.05, 0.5), (0.3, 1.0, 3.0)
KERNEL = smx.kernels.RBF(1.5)


def linear(x1, x2):
    return x1 @ x2.T


def samples(rng, n, m, *, d=4, outputs=2):
    """Regression with another law of inputs, another truth and less noise on the synthetic side."""
    x, x2 = rng.normal(size=(n, d)), 0.3 + 1.3 * rng.normal(size=(m, d))
    y = np.stack([np.sin(x[:, k]) + x[:, -1] for k in range(outputs)], axis=1)
    y2 = np.stack([np.sin(1.2 * x2[:, k]) + 0.5 * x2[:, -1] for k in range(outputs)], axis=1)
    real = smx.Dataset(x, y + 0.5 * rng.normal(size=y.shape))
    return real, smx.Dataset(x2, y2 + 0.3 * rng.normal(size=y2.shape))


def labelled(rng, n, m):
    y, y2 = rng.permutation(np.arange(n) % 3), rng.permutation(np.arange(m) % 3)
    x, x2 = (rng.normal(size=(len(v), 3)) + np.eye(3)[v] for v in (y, y2))
    return smx.Dataset(x, y), smx.Dataset(x2 + 0.2, y2)


def arrays(real, synthetic):
    x, y = (np.concatenate(v) for v in ((real.x, synthetic.x), (real.y, synthetic.y)))
    return np.asarray(smx.kernels.gram(KERNEL, x), np.float64), y, len(real)


@pytest.mark.parametrize("make", [samples, labelled])
def test_ends_are_the_leave_one_out_error(rng, make):
    real, synthetic = make(rng, 20, 35)
    amounts = {"kernel": KERNEL, "ridges": RIDGES, "weights": WEIGHTS, "counts": [0, 35]}
    predicted = predict_curve(real, synthetic, **amounts)
    measured = smx.krr.sweep(real, synthetic, **amounts, residuals=True)
    np.testing.assert_allclose(predicted.error, measured.loo_error, rtol=1e-9)
    deviation = np.std(measured.loo_residuals, axis=-1, ddof=1) / np.sqrt(20)
    np.testing.assert_allclose(predicted.standard_error, deviation, rtol=1e-7)


def test_the_order_of_the_pool_does_not_matter(rng):
    real, synthetic = samples(rng, 15, 40)
    amounts = {"kernel": KERNEL, "ridges": RIDGES, "counts": [0, 5, 20, 40, 50]}
    one = predict_curve(real, synthetic, **amounts)
    other = predict_curve(real, synthetic[rng.permutation(40)], **amounts)
    np.testing.assert_allclose(one.error, other.error, rtol=1e-8)


def test_one_cell_against_the_inverse_of_its_matrix(rng):
    """Diagonals, coefficients and squares come from eigenvectors of the pool; here from G itself."""
    gram, targets, n = arrays(*samples(rng, 12, 17))
    ridge, own, x, count = 0.3, 0.4, 0.6, 9.0
    with jax.enable_x64(True):
        reduced = _resolvent.reduce(jnp.asarray(gram), jnp.asarray(targets), ridge, n=n)
        alike = _resolvent.uniform(reduced)
        family = _resolvent.thinned(reduced, alike, jnp.asarray(own))
        error, _, radius = _resolvent._cell(family, jnp.asarray(x), jnp.asarray(count))
        told = float(jnp.exp(_resolvent._log_count(family, jnp.asarray(own), jnp.asarray(x))))
    whole = np.linalg.inv(gram + np.diag([ridge] * n + [own] * 17))
    tau = 1.0 / np.diag(whole)[n:] - own
    ridges = own + x * (own + tau)
    g = np.linalg.inv(gram + np.diag([*[ridge] * n, *ridges]))
    parts, sizes = (slice(0, n), slice(n, None)), np.array([n, 17.0])
    loo = np.sum((g @ targets / np.diag(g)[:, None]) ** 2, axis=1)
    off = (g - np.diag(np.diag(g))) ** 2
    pull = [np.trace(g[p, p]) for p in parts]
    h = np.array(
        [[off[a, b].sum() * sizes[k] / pull[k] ** 2 for b in parts] for k, a in enumerate(parts)]
    )
    jacobian = np.linalg.solve(np.eye(2) + h, h) * [1.0, 17.0 / count]
    row = (np.linalg.inv(np.eye(2) - jacobian) @ np.linalg.inv(np.eye(2) + h))[0]
    np.testing.assert_allclose(radius, np.max(np.linalg.eigvals(jacobian).real), rtol=1e-9)
    np.testing.assert_allclose(error, row @ [loo[p].mean() for p in parts], rtol=1e-9)
    left = 1.0 / np.diag(g)[n:] - ridges
    np.testing.assert_allclose(told, 17.0 * pull[1] / np.sum(1.0 / (own + left)), rtol=1e-9)


def test_the_ridges_stand_for_the_counts_asked_for(rng):
    gram, targets, n = arrays(*samples(rng, 12, 60))
    inside, outside = np.array([1.0, 2.0, 10.0, 59.0]), np.array([61.0, 90.0, 110.0])
    with jax.enable_x64(True):
        reduced = _resolvent.reduce(jnp.asarray(gram), jnp.asarray(targets), 0.2, n=n)
        own, alike = jnp.asarray(0.4), _resolvent.uniform(reduced)
        family = _resolvent.thinned(reduced, alike, own)
        few = _resolvent.below(family, own, jnp.asarray(inside))
        many, _ = _resolvent.beyond(alike, own, jnp.asarray(outside))
        found = [_resolvent._log_count(family, own, x) for x in few.x]
        found += [_resolvent._log_count(alike, own, x) for x in many.x]
    np.testing.assert_allclose(np.exp(found), [*inside, *outside], rtol=1e-8)
    assert np.all(np.diff(few.x) < 0)
    assert np.all(np.diff(many.x) < 0)


def test_the_mean_over_random_orders(rng):
    """Forty orders of one pool whose inputs follow another law; their mean is known to about 1 %."""
    real, synthetic = samples(rng, 40, 240)
    counts = [5, 20, 60, 120, 180]
    amounts = {"kernel": KERNEL, "ridges": RIDGES, "weights": WEIGHTS, "counts": counts}
    measured = [
        smx.krr.sweep(real, synthetic[rng.permutation(240)], **amounts).loo_error for _ in range(40)
    ]
    predicted = predict_curve(real, synthetic, **amounts)
    apart = np.abs(predicted.error / np.mean(measured, axis=0) - 1.0)
    assert np.mean(apart) < 0.025
    assert np.max(apart) < 0.08


def test_mixed_risk_and_beyond_the_pool(rng):
    """Independent Gaussian features: the mean over samples is the exact risk, at twice the pool too."""
    mu = np.arange(1, 41) ** -1.5
    truth, generator = np.arange(1, 41) ** -1.0, 1.4 * np.arange(1, 41) ** -1.0
    n, m, counts = 60, 80, np.array([0, 20, 80, 120, 160])
    curves = []
    for _ in range(80):
        phi = rng.normal(size=(n + m, 40))
        noise = np.sqrt(0.4) * rng.normal(size=n + m)
        y = np.where(np.arange(n + m) < n, phi @ truth, phi @ generator) + noise
        x = phi * np.sqrt(mu)
        data = smx.Dataset(x[:n], y[:n]), smx.Dataset(x[n:], y[n:])
        curve = predict_curve(*data, kernel=linear, ridges=[0.3, 3.0], weights=[0.4], counts=counts)
        curves.append(curve.error[0])
    exact = smx.theory.mixed_risk(
        mu, truth, generator, n=n, m=counts, ridge=np.array([[0.3], [3.0]]), weight=0.4, noise_variance=0.4
    )  # fmt: skip
    mean, error = np.mean(curves, axis=0), np.std(curves, axis=0) / np.sqrt(80)
    # The formula itself is good to 1 to 2 % here; and the prediction to 3 % beyond the pool.
    allowed = 3.0 * error + np.array([0.02, 0.02, 0.02, 0.03, 0.03]) * mean
    assert np.all(np.abs(mean - exact - 0.4) < allowed)


def test_group_risk_where_the_laws_of_inputs_differ(rng):
    d, n, m, counts = 20, 50, 80, np.array([0, 20, 50, 80, 200])
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    scales = np.arange(1, d + 1) ** -0.5
    roots = np.diag(scales), 1.3 * np.diag(scales) @ turn
    theta = rng.normal(size=(2, d)) * 0.5
    theta[1] = theta[0] + 0.2 * rng.normal(size=d)
    curves = []
    for _ in range(60):
        x, x2 = rng.normal(size=(n, d)) @ roots[0], rng.normal(size=(m, d)) @ roots[1]
        real = smx.Dataset(x, x @ theta[0] + 0.7 * rng.normal(size=n))
        synthetic = smx.Dataset(x2, x2 @ theta[1] + 0.4 * rng.normal(size=m))
        curve = predict_curve(
            real, synthetic, kernel=linear, ridges=[1.0], weights=[0.5], counts=counts
        )
        curves.append(curve.error[0, 0])
    covariances = np.stack([r.T @ r for r in roots])
    exact = smx.theory.group_risk(
        covariances, theta, eigenvalues=np.ones(d), sizes=np.stack([np.full(5, n), counts], axis=1),
        weights=[1.0, 0.5], noise_variances=[0.49, 0.16], ridge=1.0,
    )  # fmt: skip
    mean, error = np.mean(curves, axis=0), np.std(curves, axis=0) / np.sqrt(60)
    assert np.all(np.abs(mean - exact[:, 0] - 0.49) < 3.0 * error + 0.03 * mean)


def test_the_plug_in_of_many_points(rng):
    """With one law of inputs and far more points than eigenfunctions the spectrum can be estimated."""
    mu, truth = np.array([1.0, 0.5, 0.2, 0.1]), np.array([1.0, -0.6, 0.4, 0.0])
    generator = np.array([0.8, -0.6, 0.6, 0.2])
    n, m = 600, 1200
    phi = rng.normal(size=(n + m, 4))
    y = np.where(np.arange(n + m) < n, phi @ truth, phi @ generator) + 0.5 * rng.normal(size=n + m)
    x = phi * np.sqrt(mu)
    data = smx.Dataset(x[:n], y[:n]), smx.Dataset(x[n:], y[n:])
    curve = predict_curve(
        *data, kernel=linear, ridges=[2.0], counts=[0, 300, 1200, 5000], method="spectrum"
    )
    exact = smx.theory.mixed_risk(
        mu, truth, generator, n=n, m=curve.counts, ridge=2.0, noise_variance=0.25
    )
    # The noise is known to 6 % (600 points), and is most of the error.
    np.testing.assert_allclose(curve.error[0, 0], exact + 0.25, rtol=0.1)
    assert curve.standard_error is None
    assert curve.reach is None


def test_best_is_the_least_cell(rng):
    real, synthetic = samples(rng, 15, 40)
    curve = predict_curve(real, synthetic, kernel=KERNEL, ridges=RIDGES, weights=WEIGHTS)
    best = curve.best()
    assert best.error == curve.error.min() == curve.error[best.index]
    w, l, c = best.index
    assert (best.weight, best.ridge, best.count) == (
        curve.weights[w],
        curve.ridges[l],
        curve.counts[c],
    )
    assert best.ratio == best.count / 15
    assert curve.counts[0] == 0
    assert curve.counts[-1] == curve.pool == 40


def test_counts_beyond_the_pools_reach_are_said(rng):
    real, synthetic = samples(rng, 15, 30)
    amounts = {"kernel": linear, "ridges": [1e-3]}
    with pytest.warns(UserWarning, match="30 synthetic points can tell of at most"):
        curve = predict_curve(real, synthetic, **amounts, counts=[0, 30, 10**9])
    assert np.isfinite(curve.error[0, 0, :2]).all()
    assert np.isnan(curve.error[0, 0, 2])
    assert 30 < curve.reach[0, 0] < 10**9
    assert curve.best().count in (0, 30)


def test_cells_close_to_interpolation_are_said(rng):
    """Many eigenfunctions, hardly any ridge, few points: ends are leave-one-out, what lies between is left out."""
    x = rng.normal(size=(80, 60))
    y = x @ rng.normal(size=60) + rng.normal(size=80)
    real, synthetic = smx.Dataset(x[:20], y[:20]), smx.Dataset(x[20:], y[20:])
    amounts = {"kernel": linear, "ridges": [1e-6]}
    with pytest.warns(UserWarning, match="too close to interpolation"):
        curve = predict_curve(real, synthetic, **amounts, counts=[0, 40, 60])
    assert np.isnan(curve.error[0, 0, 1])
    assert curve.radius[0, 0, 1] > 0.7
    ends = smx.krr.sweep(real, synthetic, **amounts, counts=[0, 60]).loo_error
    np.testing.assert_allclose(curve.error[..., [0, 2]], ends, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ridges": [0.0]}, "ridges must be positive"),
        ({"weights": [-1.0]}, "weights must be positive"),
        ({"counts": [3, 2]}, "counts must be strictly increasing"),
        ({"counts": [-1]}, "counts must not be negative"),
        ({"method": "magic"}, "method must be one of 'resolvent', 'spectrum'"),
        ({"synthetic": lambda s: s[:1]}, "fewer than two points"),
        ({"synthetic": lambda s: smx.Dataset(s.x[:, :2], s.y)}, "features differ"),
        ({"kernel": lambda a, b: np.full((len(a), len(b)), np.nan)}, "non-finite"),
    ],
)
def test_bad_input(rng, changes, message):
    real, synthetic = samples(rng, 8, 10)
    arguments = {"synthetic": synthetic, "kernel": KERNEL, "ridges": [0.1], **changes}
    if callable(changes.get("synthetic")):
        arguments["synthetic"] = changes["synthetic"](synthetic)
    with pytest.raises(ValueError, match=message):
        predict_curve(real, **arguments)


def test_a_kernel_that_is_not_positive_definite_is_refused(rng):
    real, synthetic = samples(rng, 8, 10)
    with pytest.raises(ValueError, match="cannot be factored"):
        predict_curve(real, synthetic, kernel=lambda a, b: -linear(a, b), ridges=[0.1])
