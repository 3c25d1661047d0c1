"""Best weights and counts of groups against grids, symmetries, and cases where the optimum is known."""

import numpy as np
import pytest

from synthmix_jax.theory import (
    group_risk,
    mixed_risk,
    optimal_group_counts,
    optimal_group_weights,
)

pytestmark = pytest.mark.usefixtures("double")

J = np.arange(1, 7)
MU = J**-1.0
THETA = J**-1.0
SIZES = np.array([40, 10, 30])
NOISES = np.array([0.3, 0.2, 0.5])


def rotated(rng, decay):
    q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    return (q * J**-decay) @ q.T


@pytest.fixture(scope="module")
def groups():
    """Source, target and synthetic group: all are of use, none is as good as the target."""
    rng = np.random.default_rng(1)
    covariances = np.stack([rotated(rng, decay) for decay in (0.3, 0.5, 0.7)])
    coefficients = np.stack(
        [THETA * (1.0 + 0.5 * np.cos(J)), THETA, THETA * (1.0 - 0.4 * np.sin(J))]
    )
    return covariances, coefficients


def given(sizes=SIZES, noises=NOISES):
    return dict(eigenvalues=MU, sizes=sizes, noise_variances=noises)


def best(groups, *, target=1, **changes):
    return optimal_group_weights(*groups, **(given() | dict(target=target, ridge=0.2) | changes))


@pytest.fixture(scope="module")
def free(groups):
    """All weights free at the ridge 0.2."""
    return best(groups)


@pytest.fixture(scope="module")
def held(groups):
    """The target's weight is one."""
    return best(groups, fixed=1)


def test_no_cell_of_a_fine_grid_is_better(groups, held):
    w = np.geomspace(0.01, 10.0, 24)
    weights = np.stack([*np.meshgrid(w, 1.0, w, indexing="ij")], axis=-1)[:, 0]
    risks = group_risk(*groups, **given(), weights=weights, ridge=0.2)[..., 1]
    assert held.converged
    assert held.risk <= risks.min()
    place = np.unravel_index(risks.argmin(), risks.shape)
    step = np.log(w[1] / w[0])
    np.testing.assert_allclose(np.log(held.weights[[0, 2]]), np.log(w[list(place)]), atol=step)
    # What the record says is what group_risk says.
    again = group_risk(*groups, **given(), weights=held.weights, ridge=held.ridge)
    np.testing.assert_allclose(held.risks, again, rtol=1e-12)
    assert held.weights[1] == 1.0
    assert held.ridge == 0.2


def test_weights_and_ridge_are_one_search(groups, free, held):
    other = best(groups, ridge=3.0)
    np.testing.assert_allclose(other.weights / 3.0, free.weights / 0.2, rtol=1e-4)
    assert other.risk == pytest.approx(free.risk, rel=1e-9)
    ridge_too = best(groups, ridge=None, fixed=1)
    assert ridge_too.weights[1] == 1.0
    np.testing.assert_allclose(ridge_too.weights, free.weights / free.weights[1], rtol=1e-4)
    assert ridge_too.ridge == pytest.approx(0.2 / free.weights[1], rel=1e-4)
    assert ridge_too.risk == pytest.approx(free.risk, rel=1e-9)
    # One weight more that is free.
    assert free.risk < held.risk


def test_order_of_groups_is_of_no_matter(groups, free):
    order = [2, 0, 1]
    turned = best(
        [part[order] for part in groups],
        target=2,
        sizes=SIZES[order],
        noise_variances=NOISES[order],
    )
    np.testing.assert_allclose(turned.weights, free.weights[order], rtol=1e-4)
    np.testing.assert_allclose(turned.alone, free.alone[order], rtol=1e-8)
    assert turned.risk == pytest.approx(free.risk, rel=1e-9)


def test_together_is_no_worse_than_alone(groups, free):
    assert free.risk < np.min(free.alone)
    np.testing.assert_allclose(free.shares, SIZES * free.weights / np.sum(SIZES * free.weights))
    # The target alone: one weight, that is one ridge, on a fine grid.
    ridges = np.geomspace(0.01, 10.0, 400)
    alone = group_risk(*groups, **given([0, 10, 0]), weights=np.ones(3), ridge=ridges)[:, 1]
    assert free.alone[1] <= alone.min()
    assert free.alone[1] == pytest.approx(alone.min(), rel=1e-4)


def test_more_points_never_hurt(groups, free):
    """Not even those of a group that is off, when weights are free (docs/theory.md)."""
    for k in (0, 2):
        more = SIZES + 15 * (np.arange(3) == k)
        assert best(groups, sizes=more).risk < free.risk


def test_hopeless_group_is_left_out(groups):
    """To first order a far group pulls the fit its way: of two opposite ways one is right, and used a little."""
    covariances, coefficients = groups
    way = np.zeros((3, 6))
    way[2] = 20.0 * np.cos(J)
    without = best(groups, sizes=SIZES * [1, 1, 0])
    assert np.isnan(without.alone[2])
    used, out = sorted(
        (best((covariances, coefficients + sign * way)) for sign in (1.0, -1.0)),
        key=lambda found: found.risk,
    )
    assert 0.0 < used.weights[2] < 0.01
    assert used.risk < without.risk
    assert out.weights[2] == 0.0
    assert out.converged
    np.testing.assert_allclose(out.weights, without.weights, rtol=1e-4)
    assert out.risk == pytest.approx(without.risk, rel=1e-10)


def test_unwanted_group_whose_weight_is_fixed(groups):
    """The ridge and the other weights run away from it."""
    covariances, coefficients = groups
    far = coefficients * [[-20.0], [1.0], [1.0]]
    found = best((covariances[[1, 1, 1]], far), ridge=None, fixed=0)
    assert "fixed wants to be left out" in found.status
    assert not found.converged


def test_one_law_and_other_noise(groups):
    """1 / w_k is affine in the noise s_k; w_k s_k is one number where the truth has no favourite direction."""
    noises, sizes = np.array([0.5, 1.0, 4.0]), [4, 2, 3]
    # All of it in the direction that the penalty likes best, and few points.
    identity, truth = np.stack([np.eye(6)] * 3), np.stack([np.where(J == 1, 2.0, 0.1)] * 3)
    same = identity, truth
    inverse = 1.0 / best(same, noise_variances=noises, sizes=sizes).weights
    slopes = np.diff(inverse) / np.diff(noises)
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-3)
    # Not proportional: 1 / w - slope * s is a number of its own.
    assert abs(inverse[0] / (slopes[0] * noises[0]) - 1.0) > 0.01
    equal = best(same, noise_variances=[0.5] * 3, sizes=sizes).weights
    np.testing.assert_allclose(equal, equal[0], rtol=1e-3)
    plain = dict(noise_variances=noises, sizes=sizes, eigenvalues=np.ones(6))
    scaled = best(same, **plain).weights * noises
    np.testing.assert_allclose(scaled, scaled[0], rtol=1e-3)


def test_two_groups_of_one_law_are_mixed_risk(groups):
    identity, truth, generator = np.eye(6), THETA, groups[1][0]
    found = best(
        (np.stack([identity] * 3), np.stack([generator, truth, truth])), sizes=[40, 10, 0], fixed=1
    )
    w = np.geomspace(0.03, 3.0, 500)
    risks = mixed_risk(
        MU, truth, generator, n=10, m=40, ridge=0.2, weight=w, noise_variance=0.2,
        synthetic_noise_variance=0.3,
    )  # fmt: skip
    assert found.weights[0] == pytest.approx(w[risks.argmin()], rel=5e-3)
    assert found.risk == pytest.approx(risks.min(), rel=1e-5)


def counted(groups, counts, **changes):
    amounts = given() | dict(weights=[0.3, 1.0, 1.0], ridge=0.2, target=1)
    return optimal_group_counts(*groups, **(amounts | changes), counts=counts)


def test_best_count_is_that_of_the_curve(groups):
    found = counted(groups, {2: None})
    curve = [
        group_risk(*groups, **given([40, 10, m]), weights=[0.3, 1.0, 1.0], ridge=0.2)[1]
        for m in range(0, 31, 5)
    ]
    np.testing.assert_allclose(found.curve[::5], curve, rtol=1e-9)
    assert found.curve.shape == (31,)
    assert found.sizes.tolist() == [40, 10, int(found.curve.argmin())]
    assert found.risk == found.curve.min()


def test_counts_of_two_groups_are_chosen_together(groups):
    found = counted(groups, {0: [0, 20, 40], 2: [0, 10, 20, 30]})
    assert found.curve.shape == (3, 4)
    place = np.unravel_index(found.curve.argmin(), (3, 4))
    assert found.sizes.tolist() == [(0, 20, 40)[place[0]], 10, (0, 10, 20, 30)[place[1]]]
    one = counted(groups, {2: [0, 10, 20, 30]})
    np.testing.assert_allclose(found.curve[2], one.curve, rtol=1e-9)


def test_no_points_at_all_is_the_fit_zero(groups):
    found = counted(groups, {2: [0, 30]}, sizes=[0, 0, 30])
    assert found.curve[0] == pytest.approx(THETA @ groups[0][1] @ THETA)
    assert found.sizes.tolist() == [0, 0, 30]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(ridge=None), "ridge and fixed are both None"),
        (dict(target=3), "target = 3 names none of 3 groups"),
        (dict(fixed=-1), "fixed = -1 names none"),
        (dict(fixed=0, sizes=[0, 10, 30]), "fixed = 0 names a group that holds nothing"),
        (dict(sizes=np.ones((2, 3))), "several problems"),
        (dict(ridge=0.0), "ridge must be positive"),
    ],
)
def test_bad_weights_are_refused(groups, changes, message):
    with pytest.raises(ValueError, match=message):
        best(groups, **changes)


@pytest.mark.parametrize(
    ("counts", "changes", "message"),
    [
        ({}, {}, "counts names no group"),
        ({3: None}, {}, "counts = 3 names none"),
        ({2: [0, 31]}, {}, r"counts\[2\] asks for 31"),
        ({2: None}, dict(sizes=[40, 10, 10**6]), "1000001 combinations"),
        ({2: None}, dict(sizes=[40, 10, 1.5]), "whole numbers"),
        ({2: None}, dict(weights=[0.3, 0.0, 1.0]), "weights must be positive"),
    ],
)
def test_bad_counts_are_refused(groups, counts, changes, message):
    with pytest.raises(ValueError, match=message):
        counted(groups, counts, **changes)
