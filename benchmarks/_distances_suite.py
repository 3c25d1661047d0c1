"""Distances as a suite of `python -m benchmarks`: cases of `benchmarks.distances` in its records, and curves."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import synthmix_jax as smx
from benchmarks import _suite
from benchmarks._distances_cases import Config, points, transport_case
from benchmarks._distances_others import exact_case, sliced_beside_pot


@dataclass(frozen=True)
class Curves:
    """Sizes of the cost curves: points of each sample, and shares of a mixture of two samples."""

    points: tuple[int, ...] = (500, 1000, 2000, 4000)
    shares: tuple[int, ...] = (5, 10, 20, 40)
    mixed: int = 1000
    features: int = 64
    repeats: int = 5


# Without the mixture, whose programs take long to compile.
FEW = Curves(points=(40, 80, 160), shares=(), features=8, repeats=2)


def beside_peers(config: Config) -> tuple[list[dict], list[dict], list[dict]]:
    """Work, ratios, and the cases they come from."""
    work, ratios, cases = [], [], []
    for dtype in config.dtypes:
        case = transport_case(config, dtype, config.epsilons[0])
        cases.append(case)
        work.append(_transport_work(case, config.points))
        ratios += _transport_ratios(case)
    for case, name, peer in (
        (exact_case(config), "exact_wasserstein", "POT emd2"),
        (sliced_beside_pot(config), "sliced_wasserstein", "POT, other directions"),
    ):
        cases.append(case)
        work.append(_suite.work(name, _times(case, name)))
        found = next(iter(case["ratios"].values()))
        difference = case.get("relative_difference_to_pot", case.get("relative_difference"))
        ratios.append(_ratio(name, peer, case, (name, "pot"), found, difference))
    return work, ratios, cases


def curves(quick: bool, epsilon: float) -> list[dict[str, Any]]:
    """Cost of transport and energy distance against points, of all mixtures against their shares; float32."""
    sizes = FEW if quick else Curves()
    samples = {n: _pair(n, sizes.features) for n in (*sizes.points, sizes.mixed)}
    options: dict[str, Any] = {"epsilon": epsilon}

    def plain(n):
        return lambda: smx.distances.transport(*samples[n], debiased=False, **options).cost

    def energy(n):
        return lambda: smx.distances.energy(*samples[n])

    def mixture(shares):
        at = np.linspace(0.05, 1.0, shares)
        return lambda: smx.distances.mixture_wasserstein(*samples[sizes.mixed], at, **options)

    table = (
        ("transport", "points", plain, sizes.points),
        ("energy", "points", energy, sizes.points),
        ("mixture_wasserstein", "shares", mixture, sizes.shares),
    )
    return [
        _suite.curve(name, against, {size: make(size) for size in chosen}, sizes.repeats)
        for name, against, make, chosen in table
        if chosen
    ]


def _pair(n: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    return points(n, features, seed=0), points(n, features, 0.2, seed=1)


def _transport_work(case: dict[str, Any], n: int) -> dict[str, Any]:
    """Every iteration reads the kernel matrix from both sides; above 100 %: it stays in the cache."""
    matrix = n * n * np.dtype(case["dtype"]).itemsize
    name = f"transport, {n:,} points, {case['dtype']}"
    moved = 2.0 * case["ours"]["iterations"] * matrix
    return _suite.work(name, _times(case, "transport"), bytes_moved=moved, precision=case["dtype"])


def _transport_ratios(case: dict[str, Any]) -> list[dict[str, Any]]:
    to_pot, to_ott = case["relative_difference_to_pot"], case["relative_difference_to_ott"]
    pot = f"POT {case['pot']['method']}, {case['pot']['dtype']}"
    rows = (
        ("transport", pot, ("transport", "pot"), "transport_over_pot", to_pot),
        ("wasserstein", pot, ("wasserstein", "pot"), "debiased_over_pot", None),
        ("wasserstein", "OTT", ("wasserstein", "ott_divergence"), "debiased_over_ott", to_ott),
    )
    return [
        _ratio(f"{name}, {case['dtype']}", peer, case, keys, case["ratios"][found], difference)
        for name, peer, keys, found, difference in rows
    ]


def _times(case: dict[str, Any], name: str) -> dict[str, float]:
    times = dict(case["times"][name])
    times["compile_s"] = times.pop("first_longer_by_s")
    return times


def _ratio(name, peer, case, keys, found, difference) -> dict[str, Any]:
    """The peer's median over ours, and its spread over the rounds that both took turns in."""
    ours, theirs = (_times(case, key) for key in keys)
    row = _suite.ratio(name, peer, ours, theirs, difference=difference)
    # Of few rounds the ratio of medians may lie outside of all rounds' ratios.
    least = min(row["times_faster"], 1.0 / found["largest"])
    largest = max(row["times_faster"], 1.0 / found["least"])
    return {**row, "least": least, "largest": largest}
