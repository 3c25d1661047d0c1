"""A pass over rows that is interrupted, in this process and in others, goes on with the same numbers."""

import approximate_run as script
import jax
import numpy as np
import pytest

import synthmix_jax as smx
from tests.processes import port, said, start


def test_interrupted_pass_goes_on(tmp_path):
    whole = script.sweep(None)
    seen = []
    with pytest.raises(RuntimeError, match="power cut"):
        script.sweep(tmp_path, drawn=script.blocks(seen, fail_at=3))
    assert seen[-3:] == [0, 1, 2]  # the first block is looked at before
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["count-000000000300.npz", "real.npz", "settings.json"]
    again = script.sweep(tmp_path)
    for name in ("loo_error", "loo_residuals", "test_error"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    # Other ridges and weights need no pass: of the stream only the first block is looked at.
    seen = []
    other = script.sweep(tmp_path, drawn=script.blocks(seen), ridges=[0.3], weights=[2.0])
    assert set(seen) == {0}
    fresh = script.sweep(None, ridges=[0.3], weights=[2.0])
    np.testing.assert_array_equal(other.loo_error, fresh.loo_error)
    # A file that is cut short is read anew.
    last = sorted(tmp_path.glob("count-*.npz"))[-1]
    last.write_bytes(b"")
    np.testing.assert_array_equal(script.sweep(tmp_path).loo_error, whole.loo_error)


def test_other_sums_are_refused(tmp_path):
    script.sweep(tmp_path / "run")
    with pytest.raises(
        ValueError,
        match=r"run holds sums of other landmarks or frequencies \(key, kernel\): the same data",
    ):
        script.sweep(tmp_path / "run", key=jax.random.key(5))
    numbers = script.data(40, 0), script.data(script.ROWS, 7)
    options = dict(
        kernel=smx.kernels.RBF(1.5),
        ridges=[1.0],
        counts=[900],
        method="random_features",
        num_features=16,
    )
    pool = lambda data: smx.krr.sweep(
        *data, **options, key=jax.random.key(3), workdir=tmp_path / "pool"
    )
    pool(numbers)
    for place, what in ((0, "real points"), (1, "synthetic points")):
        for name in "xy":  # one number in the middle
            arrays = {n: np.array(getattr(numbers[place], n)) for n in "xy"}
            arrays[name][len(numbers[place]) // 2] += 1.0
            changed = [smx.Dataset(**arrays) if i == place else numbers[i] for i in (0, 1)]
            with pytest.raises(ValueError, match=f"sums of other {what}"):
                pool(changed)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="mine holds other files"):
        script.sweep(tmp_path / "mine")
    with pytest.raises(ValueError, match=r"letter\.txt is a file"):
        script.sweep(tmp_path / "mine" / "letter.txt")
    real = script.data(20, 0)
    with pytest.raises(ValueError, match="method is 'exact'"):
        smx.krr.sweep(
            real, None, kernel=smx.kernels.RBF(1.0), ridges=[1.0], workdir=tmp_path / "run"
        )


@pytest.mark.slow
def test_two_processes_one_of_them_killed_and_one_that_goes_on(tmp_path):
    place = port()
    shared = ("--port", place, "--workdir", tmp_path / "run")
    # The second process dies in the middle of the pool; the first can only wait for it, and is ended too.
    both = [
        start(script.__file__, *shared, "--process", i, "--die-at", 5 if i else -1, devices=2)
        for i in (0, 1)
    ]
    try:
        assert both[1].wait(timeout=240) == -9
    finally:
        for process in both:
            process.kill()
            process.communicate()
    left = sorted(path.name for path in (tmp_path / "run").glob("count-*.npz"))
    assert left
    assert "count-000000000900.npz" not in left
    (found,) = said(start(script.__file__, "--workdir", tmp_path / "run", devices=1))
    assert found["devices"] == 1
    assert found["blocks"] >= 9  # a stream is drawn from its start; what is known is skipped
    whole = script.sweep(None)
    # Sums were added up in another order on four devices.
    np.testing.assert_allclose(found["loo_error"], whole.loo_error.ravel(), rtol=1e-9)
    np.testing.assert_allclose(found["test_error"], whole.test_error.ravel(), rtol=1e-9)


@pytest.mark.slow
def test_two_processes_and_eight_devices_find_the_same(tmp_path):
    place = port()
    both = [start(script.__file__, "--port", place, "--process", i, devices=2) for i in (0, 1)]
    answers = said(*both)
    assert answers[0] == answers[1]
    assert answers[0]["devices"] == 4
    whole = script.sweep(None)
    (eight,) = said(start(script.__file__, devices=8))
    assert eight["devices"] == 8
    for found in (answers[0], eight):
        np.testing.assert_allclose(found["loo_error"], whole.loo_error.ravel(), rtol=1e-9)
        np.testing.assert_allclose(found["test_error"], whole.test_error.ravel(), rtol=1e-9)
