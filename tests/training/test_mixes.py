"""Mixes of three groups: who is drawn, what a batch holds, and what is refused."""

import dataclasses

import numpy as np
import pytest
import training_cases as cases

import synthmix_jax as smx
from synthmix_jax.training import Config, Seeds, _plan, _points

SOURCE, SYNTHETIC, TEST = cases.problem()
TARGET = smx.Dataset(SOURCE.x[:25] * 0.5, SOURCE.y[:25], num_classes=3)
SEEDS = Seeds.of(2)
CONFIG = Config(steps=20, batch_size=8, evaluations=2)
THIRDS = [[0.5, 0.25, 0.25]]


def plan(ratios=None, shares=None, target=TARGET, validation=0, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    return _plan.make_plan(
        SOURCE, SYNTHETIC, ratios, SEEDS, config, validation, target=target, shares=shares
    )


def test_held_out_points_are_of_the_target_and_never_trained_on():
    made = plan(shares=[*THIRDS, [0.0, 1.0, 0.0]])
    for s, draw in enumerate(made.draws):
        assert sorted(draw.real) == list(range(48))
        assert sorted([*draw.target, *draw.validation]) == list(range(128, 153))
        assert len(draw.validation) == 5  # a fifth of 25
        for r in range(2):
            rows = made.table({}, (r, s), 0, 20)
            assert not set(rows.reshape(-1)) & set(draw.validation)
    assert set(made.draws[0].validation) != set(made.draws[1].validation)
    assert (made.starts, made.pool_size) == ((48, 128), 153)


def test_given_validation_points_leave_the_target_whole():
    made = plan(ratios=[0.0], validation=7, num_real=10)
    for draw in made.draws:
        assert sorted(draw.target) == list(range(128, 153))
        assert draw.validation.tolist() == list(range(153, 160))
        assert len(draw.real) == 10


def test_classes_that_the_target_lacks_are_no_error():
    some = TARGET[np.flatnonzero(np.asarray(TARGET.y) < 2)]
    assert len(plan(ratios=[0.0], target=some).draws[0].target) > 0


@pytest.mark.parametrize(
    "shares", [(0.5, 0.2, 0.3), (0.0, 0.01, 0.99), (0.98, 0.01, 0.01), (0.0, 1.0, 0.0)]
)
def test_every_batch_has_exactly_the_shares(shares):
    made = plan(shares=[shares])
    rows = made.table({}, (0, 0), 0, 40)
    group = np.searchsorted(made.starts, rows, side="right")  # real, synthetic, target
    weights = made.weights[0][group]
    source, target, synthetic = shares
    for g, share in enumerate((source, synthetic, target)):
        np.testing.assert_allclose((weights * (group == g)).sum(axis=1) / 8, share, rtol=1e-12)
        assert ((group == g).any(axis=1) == (share > 0)).all()


def test_groups_come_in_one_order_in_all_mixes():
    made = plan(shares=[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]])
    streams = [made.table({}, (r, 0), 0, 40).reshape(-1) for r in range(3)]
    for low, high, number in ((48, 128, 80), (128, 153, 80)):
        orders = [
            [row for row in stream if low <= row < high][:number]
            if len(stream) else [] for stream in streams
        ]  # fmt: skip
        assert orders[0] == orders[1] == orders[2]


def test_counts_with_a_target_are_the_weighted_objective():
    made = plan(ratios=[0.0, 1.0], target_weight=2.5, synthetic_weight=0.5, epochs=2.0)
    # 48 source, 20 target points (5 held out), 0 or 48 synthetic ones.
    for r, m in enumerate((0, 48)):
        total = 48 + 0.5 * m + 2.5 * 20
        np.testing.assert_allclose(
            made.weights[r], np.array([1, 0.5, 2.5]) * (68 + m) / total, rtol=1e-12
        )
        np.testing.assert_allclose(
            made.mix.group_shares[r], np.array([48, 0.5 * m, 50]) / total, rtol=1e-12
        )
        assert made.num_steps[r] == np.ceil(2 * (68 + m) / 8)
        rows = made.table({}, (r, 0), 0, 2 * (68 + m) // 8).reshape(-1)
        draw = made.draws[0]
        allowed = {*draw.real, *draw.synthetic[:m], *draw.target}
        assert set(rows) == allowed


def test_moments_are_of_source_and_target_together():
    points = _points.pooled(SOURCE, SYNTHETIC, CONFIG, TEST, TARGET)
    both = np.concatenate([SOURCE.x, TARGET.x]).astype(np.float64)
    np.testing.assert_allclose(points.mean, both.mean(), rtol=1e-6)
    np.testing.assert_allclose(points.scale, both.std(), rtol=1e-6)
    np.testing.assert_array_equal(points.x[128:153], TARGET.x)
    np.testing.assert_array_equal(points.y[153:], TEST.y)


CALLS = {
    "both": ({"ratios": [0]}, r"ratios and shares: both given, but exactly one .* Give ratios"),
    "neither": ({"shares": None}, r"ratios and shares: neither given"),
    "sum": ({"shares": [[0.5, 0.2, 0.2]]}, r"shares\[0\] is \[0.5, 0.2, 0.2\], whose sum is 0.9, not 1: divide"),
    "negative": ({"shares": [[1.2, -0.2, 0]]}, r"shares must be zero or more, got -0.2: 0 leaves"),
    "NaN": ({"shares": [[np.nan, 0.5, 0.5]]}, r"shares must be zero or more, got nan"),
    "two columns": ({"shares": [[0.5, 0.5]]}, r"shares must be \(r, 3\), .* got shape \(1, 2\)"),
    "one mix": ({"shares": [0.5, 0.2, 0.3]}, r"shares must be \(r, 3\), .* got shape \(3,\)"),
    "none": ({"shares": np.zeros((0, 3))}, r"shares must be \(r, 3\), .* got shape \(0, 3\)"),
    "twice": ({"shares": THIRDS * 2}, r"shares holds .*: each mix may be there once"),
    "no target": ({"target": None}, r"shares\[0\] gives target points a share of 0.25, .* none: give target"),
    "no synthetic": ({"synthetic": None}, r"shares\[0\] gives synthetic points .*: give synthetic, or"),
    "small batch": ({"config": Config(batch_size=2)}, r"batch_size is 2, but a batch of 3 groups needs"),
    "epochs": ({"config": Config(epochs=2.0)}, r"epochs is 2, but of shares .*: set steps instead"),
    "weight beside shares": ({"config": Config(target_weight=2.0)}, r"target_weight is 2, but shares are"),
    "synthetic weight": ({"config": Config(synthetic_weight=2.0)}, r"synthetic_weight is 2, but shares"),
    "weights of ratios": (
        {"shares": None, "ratios": [0], "config": Config(mixing="weight")},
        r"mixing is 'weight', .*: give shares=\[\[source, target, synthetic\], ...\] instead",
    ),
    "other features": ({"target": smx.Dataset(TARGET.x[:, :5], TARGET.y)}, r"features differ: .* target.x"),
    "other classes": ({"target": smx.Dataset(TARGET.x, TARGET.y + 1)}, r"target.y holds the label 3, but real"),
    "targets": ({"target": smx.Dataset(TARGET.x, TARGET.y * 1.0)}, r"target.y holds targets"),
    "empty target": ({"target": TARGET[:0]}, r"target must be a Dataset of at least one labelled"),
    "one target point": ({"target": TARGET[:1]}, r"target holds 1 points, too few for 1 to train on and 1 held"),
    "all held out": ({"config": Config(num_validation=25)}, r"target holds 25 points, too few .*: lower num"),
    "too few of the source": ({"config": Config(num_real=49)}, r"real holds 48 points, too few for 49"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_misuse_is_refused(case):
    changes, words = CALLS[case]
    options = {
        "synthetic": SYNTHETIC, "test": TEST, "ratios": None, "shares": THIRDS, "target": TARGET,
        "seeds": 1, "config": CONFIG, **changes,
    }  # fmt: skip
    synthetic = options.pop("synthetic")
    # Without the suite's checks of types, which would stop some of these first.
    call = getattr(smx.training.sweep, "__wrapped__", smx.training.sweep)
    with pytest.raises(ValueError, match=words) as caught:
        call(cases.Net, SOURCE, synthetic, **options)
    assert str(caught.value)[-1] in ".]", "a sentence ends with a full stop"


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_weight_of_the_target_is_positive(value):
    with pytest.raises(ValueError, match=r"^target_weight must be positive"):
        Config(target_weight=value)
