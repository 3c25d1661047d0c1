"""Labelled transport against POT on the joint cost, its parts, renamed and missing classes."""

import jax
import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from synthmix_jax import distances
from synthmix_jax.dataset import Dataset
from synthmix_jax.distances import _labelled

labelled, transport = distances.labelled_wasserstein, distances.labelled_transport
MEANINGS = pytest.mark.parametrize("labels", ["own", "shared"])


@pytest.fixture(name="real")
def _real(rng):
    return Dataset(rng.normal(size=(24, 3)) + np.repeat([[0.0], [2.0], [4.0]], 8, axis=0), thirds())


@pytest.fixture(name="synthetic")
def _synthetic(rng):
    """Other numbers a class, and other covariances."""
    y = np.repeat([0, 1, 2], [3, 6, 7])
    return Dataset(1.4 * rng.normal(size=(16, 3)) + 2.2 * y[:, None] + 0.3, y)


def thirds():
    return np.repeat([0, 1, 2], 8)


def table(one, two):
    """Squared W2 between Gaussians of classes, one pair at a time."""
    pair = lambda a, b: distances.gaussian_wasserstein(one.x[one.y == a], two.x[two.y == b]) ** 2
    return np.array([[pair(a, b) for b in range(3)] for a in range(3)])


def dual(C, eps):
    a, b = (np.full(k, 1 / k) for k in C.shape)
    P, log = ot.sinkhorn(
        a, b, C, eps, method="sinkhorn_log", stopThr=1e-7, numItermax=20_000, log=True
    )
    f, g = eps * (log["log_u"] - np.log(a)), eps * (log["log_v"] - np.log(b))
    return a @ f + b @ g - eps * (P.sum() - 1.0)


@MEANINGS
def test_pot_on_the_joint_cost(real, synthetic, labels):
    found = transport(real, synthetic, labels=labels, epsilon=0.05)
    meant = (lambda data: real) if labels == "shared" else (lambda data: data)

    def joint(one, two):
        between = table(meant(one), meant(two))
        return cdist(one.x, two.x) ** 2 + between[one.y[:, None], two.y[None, :]]

    C = joint(real, synthetic)
    eps = 0.05 * C.mean()
    np.testing.assert_allclose(found.epsilon, eps, rtol=1e-9)
    expected = dual(C, eps)
    expected -= (dual(joint(real, real), eps) + dual(joint(synthetic, synthetic), eps)) / 2
    # Both stop at errors of which S has the second order.
    np.testing.assert_allclose(found.cost, expected, rtol=1e-5)
    np.testing.assert_allclose(found.value, np.sqrt(found.cost), rtol=1e-12)
    assert labelled(real, synthetic, labels=labels, epsilon=0.05) == found.value
    between = table(real, meant(synthetic))
    np.testing.assert_allclose(found.class_distances**2, between, rtol=1e-9, atol=1e-12)


@MEANINGS
def test_zero_on_itself(real, labels):
    found = transport(real, real, labels=labels)
    assert found.value <= 1e-6
    np.testing.assert_allclose([found.covariate, found.label], 0.0, atol=1e-4)
    single = Dataset(real.x.astype(np.float32), real.y)
    assert labelled(single, single, labels=labels).dtype == np.float32
    assert labelled(single, single, labels=labels) <= 1e-3


def test_own_is_symmetric(real, synthetic):
    np.testing.assert_allclose(labelled(real, synthetic), labelled(synthetic, real), rtol=1e-4)


def test_renamed_classes(real):
    """What a class is called matters to "shared" only; there each point pays for its name or moves."""
    renamed = Dataset(real.x, np.array([2, 0, 1])[real.y])
    assert labelled(real, renamed, labels="own") <= 1e-6
    assert labelled(real, renamed, labels="shared") > 1.0


def test_a_shift_of_all_inputs(real):
    """Squared costs to a shifted copy: |v|^2 more, less a term that is the same for all plans.

    So inputs pay |v|^2. Classes move along if a label is its own points: then they pay |v|^2 once more. If a
    label is what real points look like, classes pay nothing.
    """
    moved = Dataset(real.x + np.array([1.0, -2.0, 2.0]), real.y)
    shared = transport(real, moved, labels="shared", threshold=1e-5)
    np.testing.assert_allclose([shared.cost, shared.covariate], 9.0, rtol=1e-4)
    np.testing.assert_allclose(shared.label, 0.0, atol=1e-3)
    own = transport(real, moved, labels="own", threshold=1e-5)
    np.testing.assert_allclose([own.cost, own.covariate + own.label], 18.0, rtol=1e-4)
    np.testing.assert_allclose(own.covariate, 9.0, rtol=1e-2)  # an epsilon twice as large


def test_wrong_labels_in_one_class(rng):
    """Two tight clusters 10 apart; a quarter of the first gets the label of the second.

    Cheapest is to change the labels of that eighth of all points where they are: inputs pay nothing.
    """
    x = 0.1 * rng.normal(size=(24, 3)) + 10.0 * np.eye(3)[np.repeat([0, 1], 12)]
    right = np.repeat([0, 1], 12)
    wrong = right.copy()
    wrong[:3] = 1
    found = transport(Dataset(x, right), Dataset(x, wrong), labels="shared")
    apart = distances.gaussian_wasserstein(x[:12], x[12:]) ** 2
    np.testing.assert_allclose(found.class_distances[0, 1] ** 2, apart, rtol=1e-9)
    np.testing.assert_allclose(found.label, apart / 8, rtol=5e-3)
    assert abs(found.covariate) < 0.01 * found.label


def test_parts_add_up_but_for_entropy(real, synthetic):
    """The rest is eps times a difference of divergences, so it goes with eps."""
    rests = []
    for epsilon in (0.2, 0.02, 0.002):
        found = transport(real, synthetic, epsilon=epsilon)
        rests.append(abs(found.cost - found.covariate - found.label))
    assert rests[0] > rests[1] > rests[2]
    assert rests[2] < 0.01 * found.cost


def test_missing_classes(real, synthetic):
    fewer = Dataset(synthetic.x, np.minimum(synthetic.y, 1), num_classes=3)
    for one, two, labels in ((real, fewer, "own"), (fewer, real, "own"), (real, fewer, "shared")):
        found = transport(one, two, labels=labels)
        assert found.value > 0.0
        assert np.isnan(found.class_distances).sum() == (0 if labels == "shared" else 3)
    with pytest.raises(ValueError, match=r"synthetic has points of class 2, real has none"):
        labelled(fewer, real, labels="shared")
    more = Dataset(synthetic.x, synthetic.y, num_classes=5)
    np.testing.assert_allclose(labelled(real, more), labelled(real, synthetic), rtol=1e-12)


def test_a_class_of_one_point_and_more_features_than_points(rng):
    x, y = rng.normal(size=(5, 8)), rng.normal(size=(4, 8)) + 1.0
    one, two = Dataset(x, [0, 0, 0, 1, 2]), Dataset(y, [0, 1, 1, 2])
    found = transport(one, two)
    np.testing.assert_allclose(found.class_distances**2, table(one, two), rtol=1e-9)
    assert found.converged


def test_no_convergence_is_said(real, synthetic):
    hard = dict(epsilon=0.001, threshold=1e-9, max_iterations=20)
    assert np.isnan(transport(real, synthetic, **hard).value)
    with pytest.raises(distances.ConvergenceError, match=r"\d+ iterations.*Raise epsilon"):
        labelled(real, synthetic, **hard)


def test_refusals(real, synthetic):
    with pytest.raises(ValueError, match=r"labels.*own"):
        labelled(real, synthetic, labels="theirs")
    with pytest.raises(
        ValueError, match=r"synthetic must be a Dataset with integer labels.*regression"
    ):
        labelled(real, Dataset(synthetic.x, synthetic.x[:, 0]))
    with pytest.raises(ValueError, match=r"synthetic\.x.*3 and 2 features"):
        labelled(real, Dataset(synthetic.x[:, :2], synthetic.y))
    with pytest.raises(ValueError, match="epsilon"):
        labelled(real, synthetic, epsilon=-1.0)


def test_class_costs_of_one_sample(real):
    """A class without points is as far from the others as the farthest pair."""
    costs = _labelled.class_costs(real.x, real.y, 4)
    np.testing.assert_allclose(costs[:3, :3], table(real, real), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.diag(costs), 0.0)
    np.testing.assert_allclose(costs[3, :3], costs.max())
    assert not jax.config.jax_enable_x64
