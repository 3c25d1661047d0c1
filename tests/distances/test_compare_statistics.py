"""`compare` over repeated samples: floors that hold, few false alarms, debiased values without bias."""

import functools

import jax
import numpy as np

from synthmix_jax import distances

CHEAP = ["sliced_wasserstein", "gaussian_wasserstein", "mmd", "energy"]


def test_debiased_is_unbiased_for_a_shift():
    """S(x, y + v) is S(x, y) + |v|^2 on average, so half of the four terms is |v|^2 = 2.25, not twice that.

    The plain value carries what 5 points a side show of one law by themselves.
    """
    rng = np.random.default_rng(8)
    debiased, plain = [], []
    for seed in range(30):
        x, y = rng.normal(size=(2, 20, 3))
        y[:, 0] += 1.5
        run = functools.partial(distances.compare, x, y, key=jax.random.key(seed), num_bootstrap=20)
        row = run(metrics=["wasserstein"], debias=True)["wasserstein"]
        debiased.append(np.sign(row.value) * row.value**2)
        plain.append(run(metrics=["wasserstein"])["wasserstein"].value ** 2)
    error = np.std(debiased, ddof=1) / np.sqrt(30)
    assert abs(np.mean(debiased) - 2.25) < 3 * error
    assert abs(np.mean(debiased) - 4.5) > 3 * error
    assert np.mean(plain) - 2.25 > 5 * np.std(plain, ddof=1) / np.sqrt(30)


def test_floors_hold():
    """40 times real against real: the value lies inside the floor's interval, and near the floor.

    Were a floor wrong by a tenth, its mean would tell; by a factor, nothing would lie inside.
    """
    rng = np.random.default_rng(5)
    inside, ratios = {name: 0 for name in CHEAP}, {name: [] for name in CHEAP}
    for seed in range(40):
        x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
        for row in distances.compare(
            x, y, key=jax.random.key(seed), num_bootstrap=50, metrics=CHEAP
        ).rows:
            inside[row.metric] += row.floor_low <= row.value <= row.floor_high
            ratios[row.metric].append((row.value, row.floor))
    for name in CHEAP:
        assert inside[name] >= 36
        value, floor = np.mean(ratios[name], axis=0)
        assert abs(value / floor - 1.0) < (
            0.3 if name == "mmd" else 0.06
        )  # mmd is zero half of the time


def test_real_against_real_is_rarely_told_apart():
    """Points whose scale varies: halves of one sample miss its scatter, so floors alone would mislead.

    By place among the floors, transport and Gaussian distances told 56 to 92 % of such pairs apart (either way).
    """
    rng, apart = np.random.default_rng(6), {name: 0 for name in (*CHEAP, "wasserstein")}
    for seed in range(25):
        x, y = (rng.normal(size=(40, 50)) * np.exp(0.7 * rng.normal(size=(40, 1))) for _ in "xy")
        run = functools.partial(distances.compare, x, y, key=jax.random.key(seed), num_bootstrap=40)
        for row in run(metrics=list(apart)).rows:
            apart[row.metric] += row.above or row.below
    # Nominal 10 %, either way; 8 of 25 would come by chance once in 400 runs at twice that.
    assert max(apart.values()) <= 8, apart
