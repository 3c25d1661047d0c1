"""The exact sweep on several devices is the one on one device."""

import jax
import mesh_cases as cases
import numpy as np
import pytest

import synthmix_jax as smx
from synthmix_jax.krr import _spread
from tests.processes import port, said, start


@pytest.fixture(scope="module")
def alone():
    return cases.sweep(None)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(_spread, "LEAST", 6)


def alike(found, expected):
    for name in cases.FIELDS:
        np.testing.assert_allclose(
            found[name], getattr(expected, name), rtol=1e-10, atol=1e-12, err_msg=name
        )


def indefinite(x1, x2):
    """Symmetric, with negative eigenvalues that a ridge of 3 makes up for and one of 0.1 does not."""
    return np.exp(-((np.asarray(x1)[:, None] - np.asarray(x2)[None]) ** 2).sum(-1)) - 0.1


@pytest.mark.parametrize("axis", ["rows", "grid"])
@pytest.mark.usefixtures("small_blocks")
def test_two_devices_find_the_same(axis):
    # A function that JAX cannot trace, and cells of which some have a factor for few rows only.
    mesh = jax.make_mesh((2,), (axis,))
    expected = cases.sweep(None, indefinite)
    found = cases.sweep(mesh, indefinite)
    assert set(np.unique(expected.status)) == {0, 2}
    assert np.isfinite(expected.loo_error).any(axis=-1).all()
    alike(vars(found), expected)
    assert found.largest_eigenvalue == pytest.approx(expected.largest_eigenvalue, rel=1e-14)


def test_every_count_of_a_regression_without_labels(rng):
    real, pool = (smx.Dataset(rng.normal(size=(k, 2)), rng.normal(size=k)) for k in (5, 130))
    given = {"kernel": smx.kernels.RBF(1.0), "ridges": [0.1]}
    expected = smx.krr.sweep(real, pool, **given)
    found = smx.krr.sweep(real, pool, mesh=jax.make_mesh((2,), ("rows",)), **given)
    np.testing.assert_allclose(found.loo_error, expected.loo_error, rtol=1e-10)
    assert found.loo_residuals is None
    assert found.test_error is None


@pytest.mark.slow
def test_eight_devices_and_two_processes_find_the_same(alone):
    (found,) = said(start(cases.__file__, devices=8))
    assert found["devices"] == 8
    alike(found, alone)
    place = port()
    pair = [start(cases.__file__, "--port", place, "--process", i, devices=2) for i in (0, 1)]
    for found in said(*pair):
        assert found["devices"] == 4
        alike(found, alone)


def test_other_axes_are_refused(rng):
    with pytest.raises(ValueError, match=r"\('data',\).*jax.make_mesh\(\(2, 4\)"):
        cases.sweep(jax.make_mesh((2,), ("data",)))
    with pytest.raises(ValueError, match="got int"):
        cases.sweep(2)
