"""What every model trains on: counts, draws, shares, batches and steps."""

import dataclasses

import numpy as np
import pytest
import training_cases as cases

import synthmix_jax as smx
from synthmix_jax.training import Config, Seeds, _plan

REAL, SYNTHETIC, _ = cases.problem()
SEEDS = Seeds.of(3)


def plan(ratios=(0.0, 0.4, 1.0, 4.0), real=REAL, **changes):
    config = dataclasses.replace(cases.CONFIG, **changes)
    return _plan.make_plan(real, SYNTHETIC, list(ratios), SEEDS, config)


def rows_of(made, cell, number):
    """The first batches of one model."""
    return made.table({}, cell, 0, number)


def test_draws_are_disjoint_and_paired():
    made = plan()
    for draw in made.draws:
        assert len(draw.real) == len(set(draw.real)) == 20
        assert len(draw.validation) == len(set(draw.validation)) == 15
        assert not set(draw.real) & set(draw.validation)
        assert max(*draw.real, *draw.validation) < len(REAL)
        assert sorted(draw.synthetic) == list(range(48, 128))
    assert set(made.draws[0].real) != set(made.draws[1].real)


def test_smaller_sets_are_part_of_larger_ones():
    small, large = plan([1.0], num_real=8), plan([1.0], num_real=30)
    for a, b in zip(small.draws, large.draws, strict=True):
        np.testing.assert_array_equal(a.real, b.real[:8])
        np.testing.assert_array_equal(a.validation, b.validation)
        np.testing.assert_array_equal(a.synthetic, b.synthetic)


def test_draws_keep_the_classes_in_proportion():
    labels = np.repeat([0, 1, 2], [200, 80, 20])
    real = smx.Dataset(np.zeros((300, 2)), labels)
    made = _plan.make_plan(real, SYNTHETIC, [0.0], SEEDS, Config(num_real=90, num_validation=60))
    for draw in made.draws:
        assert abs(np.bincount(labels[draw.real]) - [60, 24, 6]).max() <= 1
        assert abs(np.bincount(labels[draw.validation]) - [40, 16, 4]).max() <= 1
        dealt = np.asarray(SYNTHETIC.y)[draw.synthetic[:30] - 300]
        assert np.ptp(np.bincount(dealt, minlength=3)) <= 1


def test_counts_and_shares_are_those_of_the_ratios():
    made = plan((0.0, 0.42, 1.0, 3.99), synthetic_weight=0.5)
    assert made.counts.tolist() == [0, 8, 20, 80]
    np.testing.assert_allclose(made.shares, 0.5 * made.counts / (20 + 0.5 * made.counts))
    # The mean weight over a model's points is one, and a synthetic point weighs half a real one.
    total = 20 * made.weights[:, 0] + made.counts * made.weights[:, 1]
    np.testing.assert_allclose(total, 20 + made.counts)
    np.testing.assert_allclose(made.weights[:, 1], 0.5 * made.weights[:, 0])


def test_models_train_on_their_own_rows_each_once_a_pass():
    made = plan()
    for r, count in enumerate(made.counts):
        draw, number = made.draws[1], 20 + int(count)
        stream = rows_of(made, (r, 1), 5 * number).reshape(-1)
        wanted = sorted([*draw.real, *draw.synthetic[:count]])
        for passed in stream.reshape(-1, number):
            assert sorted(passed) == wanted


def test_rows_in_common_come_in_one_order():
    made = plan()
    streams = [rows_of(made, (r, 0), 300).reshape(-1) for r in range(4)]
    real = set(made.draws[0].real)
    orders = [[row for row in stream if row in real][:200] for stream in streams]
    assert orders[0] == orders[1] == orders[2] == orders[3]


def test_last_held_out_points_are_never_trained_on():
    made = plan()
    for cell in made.cells:
        assert not set(rows_of(made, cell, 50).reshape(-1)) & set(made.draws[cell[1]].validation)


@pytest.mark.parametrize("ratio", [0.01, 0.3, 1.0, 7.0, 200.0])
def test_weighted_batches_have_exactly_the_share(ratio):
    made = plan((ratio,), mixing="weight", batch_size=16)
    real, synthetic = made.places[0]
    assert real + synthetic == 16
    assert min(real, synthetic) >= 1
    rows = rows_of(made, (0, 0), 40)
    of_synthetic = rows >= len(REAL)
    assert (of_synthetic.sum(axis=1) == synthetic).all()
    weights = np.where(of_synthetic, made.weights[0, 1], made.weights[0, 0])
    np.testing.assert_allclose(weights.sum(axis=1), 16)
    share = (weights * of_synthetic).sum(axis=1) / 16
    np.testing.assert_allclose(share, ratio / (1 + ratio))
    assert made.counts[0] == 80  # the whole pool
    np.testing.assert_allclose(made.shares, ratio / (1 + ratio))


def test_batches_of_counts_are_the_weighted_objective_on_average():
    made = plan((1.6,), synthetic_weight=0.25)
    losses = np.random.default_rng(0).random(128)
    draw = made.draws[0]
    objective = losses[draw.real].sum() + 0.25 * losses[draw.synthetic[:32]].sum()
    objective /= 20 + 0.25 * 32
    passes = 8  # 52 points in batches of 8: whole passes end together with a batch
    rows = rows_of(made, (0, 0), 52 * passes // 8)
    weights = np.where(rows < len(REAL), *made.weights[0])
    assert (weights * losses[rows]).mean() == pytest.approx(objective, rel=1e-12)


def test_passes_become_steps():
    made = plan((0.0, 1.0, 4.0), epochs=3.0)
    assert made.num_steps.tolist() == [8, 15, 38]  # ceil(3 (20 + m) / 8)
    weighted = plan((0.0, 1.0, 3.0), epochs=3.0, mixing="weight")
    assert weighted.num_steps.tolist() == [8, 15, 30]  # ceil(60 / real places)
    assert [int(weighted.num_steps[r]) for r, _ in weighted.cells] == [30] * 3 + [15] * 3 + [8] * 3


def test_evaluations_are_even_and_end_at_the_end():
    for steps, evaluations in ((10, 3), (24, 4), (7, 7), (1000, 10)):
        made = plan((0.0,), steps=steps, evaluations=evaluations)
        bounds = made.bounds(0)
        assert bounds[-1] == steps
        assert len(bounds) == evaluations
        gaps = np.diff(bounds, prepend=0)
        assert gaps.min() >= 1
        assert np.ptp(gaps) <= 1
        assert gaps.max() == made.segment_steps()


def test_default_sizes():
    made = _plan.make_plan(REAL, None, [0.0], SEEDS, Config())
    assert [len(draw.validation) for draw in made.draws] == [10] * 3  # a fifth of 48
    assert [len(draw.real) for draw in made.draws] == [38] * 3
    made = _plan.make_plan(REAL, None, [0.0], SEEDS, Config(num_real=45))
    assert len(made.draws[0].validation) == 3
