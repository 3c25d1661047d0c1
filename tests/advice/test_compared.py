"""The distances beside an advice are those of `compare`, and take part in no decision."""

import jax
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax import distances
from synthmix_jax.advice._compared import NUM_BOOTSTRAP, compared

KEY = jax.random.key(3)


@pytest.fixture(name="data")
def _data(rng):
    labels = np.arange(24) % 2
    real = smx.Dataset(rng.normal(size=(24, 2)) + labels[:, None], labels)
    pool = smx.Dataset(rng.normal(size=(40, 2)) + 3.0, np.arange(40) % 2)
    return real, pool


@pytest.fixture(name="advice", scope="module")
def _advice():
    rng = np.random.default_rng(1)
    labels = np.arange(24) % 2
    real = smx.Dataset(rng.normal(size=(24, 2)) + labels[:, None], labels)
    pool = smx.Dataset(rng.normal(size=(40, 2)) + 3.0, np.arange(40) % 2)
    return [
        smx.recommend(real, pool, key=KEY, num_orders=1, num_bootstrap=100, distances=wanted)
        for wanted in (True, False)
    ]


def test_the_table_is_that_of_compare(data):
    table = compared(*data, "far", False, key=KEY)
    same = distances.compare(
        data[0], {"far": data[1]}, key=KEY, num_bootstrap=NUM_BOOTSTRAP, per_class=False
    )
    assert table.rows == same.rows
    assert table["wasserstein"].above
    assert {row.label for row in table.rows} == {None}


def test_too_few_points_have_no_table(data):
    assert compared(data[0][:3], data[1], "far", False, key=KEY) is None
    assert compared(data[0], data[1][:3], "far", False, key=KEY) is None
    assert compared(data[0][:4], data[1][:4], "far", False, key=KEY) is not None


def test_a_generator_that_saw_the_points_is_marked(data):
    table = compared(*data, "far", True, key=KEY)
    assert "fitted on the real points" in table.warnings[0]


def test_a_generator_called_real_is_renamed(data):
    assert list(compared(*data, "real", False, key=KEY).num_synthetic) == ["synthetic"]


def test_recommend_holds_the_table_and_decides_without_it(advice):
    with_table, without = advice
    assert set(row.metric for row in with_table.distances.rows) == set(distances.METRICS)
    assert without.distances is None
    assert (with_table.verdict, with_table.count) == (without.verdict, without.count)
    np.testing.assert_array_equal(with_table.curve.error, without.curve.error)


def test_the_report_shows_it(advice, tmp_path):
    page = (advice[0].save(tmp_path) / "report.html").read_text()
    assert "abelled" in page
    assert "as given" in page
