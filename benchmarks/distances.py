"""Distances against POT and OTT, side by side in one run on the CPU.

    python -m benchmarks.distances             # 2,000 points; about ten minutes on two idle cores
    python -m benchmarks.distances --quick     # a hundred points; seconds

Peers: POT's Sinkhorn at the same epsilon, run until its L1 marginal error is that of ours; OTT's Sinkhorn
divergence; POT's exact and sliced solvers. Every time is the median of warm calls taken in turns with the peers';
what the first call took longer, compilation, is stated apart. The last case, 50,000 points, needs a GPU.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import ot
import ott

from benchmarks import _distances_suite, _suite
from benchmarks._distances_cases import Config, grid_case, threads, transport_case
from benchmarks._distances_others import compare_case, exact_case, large_case, sliced_case
from benchmarks._record import provenance, write_json

RESULTS = Path(__file__).parent / "results"
QUICK = Config(
    points=120,
    features=8,
    shares=5,
    exact=60,
    sliced=1500,
    sliced_peer=300,
    pixels=48,
    projections=64,
    compared=80,
    classes=2,
    halves=20,
    metrics=("sliced_wasserstein", "mmd", "energy"),
    dtypes=("float32",),
    large=200,
    large_features=16,
    copied_bytes=2**20,
    repeats=2,
    long_repeats=1,
)


# In the suite: one epsilon, fewer calls, no process of its own.
IN_SUITE = replace(Config(), epsilons=(0.05,), repeats=5)


def run(quick: bool) -> dict[str, Any]:
    """The suite: distances beside their peers, and their cost curves."""
    config = replace(QUICK, points=80, epsilons=(0.05,)) if quick else IN_SUITE
    with jax.default_device(jax.devices("cpu")[0]):
        work, ratios, cases = _distances_suite.beside_peers(config)
        costs = _distances_suite.curves(quick, config.epsilons[0])
    details = {"config": asdict(config), "threads": threads(), "cases": cases}
    return _suite.record(work, ratios, costs, details=details)


def measure(config: Config) -> dict[str, Any]:
    """All cases; those with peers on the CPU, whatever else there is."""
    pairs = [(dtype, epsilon) for dtype in config.dtypes for epsilon in config.epsilons]
    with jax.default_device(jax.devices("cpu")[0]):
        result: dict[str, Any] = {
            "transport": [transport_case(config, *pair) for pair in pairs],
            "grid": [grid_case(config, *pair) for pair in pairs],
            "exact": exact_case(config),
            "sliced": sliced_case(config),
            "compare": compare_case(config),
        }
    on_gpu = jax.default_backend() != "cpu"
    result["large"] = large_case(config, config.epsilons[0]) if on_gpu else "not measured on a GPU"
    return result


def table(result: dict[str, Any]) -> str:
    """The tables of README, in Markdown."""
    lines = [
        "| work | dtype | epsilon | seconds | peer | seconds | ratio (spread over rounds) |",
        "|---|---|---:|---:|---|---:|---:|",
    ]
    for case in result["transport"]:
        solver = f"POT `{case['pot']['method']}`, {case['pot']['dtype']}"
        for work, ours, theirs, name in (
            ("`transport(debiased=False)`", "transport", solver, "transport_over_pot"),
            ("`wasserstein`", "wasserstein", solver, "debiased_over_pot"),
            ("`wasserstein`", "wasserstein", "OTT divergence", "debiased_over_ott"),
        ):
            peer = "ott_divergence" if name.endswith("ott") else "pot"
            lines.append(_row(case, work, ours, theirs, peer, name))
    for case in result["grid"]:
        work = f"{case['shares']} shares"
        lines.append(_row(case, work, "grid", "one share", "one_share", "grid_over_one_share"))
        lines.append(_row(case, work, "grid", "`wasserstein`", "debiased", "grid_over_debiased"))
    exact = {"dtype": "float64", "epsilon_of_mean_cost": 0.0, **result["exact"]}
    work = f"`exact_wasserstein`, {exact['points']:,} points"
    lines.append(_row(exact, work, "exact_wasserstein", "POT `emd2`", "pot", "exact_over_pot"))
    sliced, whole = result["sliced"]["beside_pot"], result["sliced"]["whole"]
    work = f"`sliced_wasserstein`, {sliced['points']:,} x {result['sliced']['pixels']:,}"
    sliced = {"dtype": "float32", "epsilon_of_mean_cost": 0.0, **sliced}
    lines.append(_row(sliced, work, "sliced_wasserstein", "POT", "pot", "sliced_over_pot"))
    seconds = whole["times"]["sliced_wasserstein"]["median_s"]
    lines.append(
        f"\nSliced, {whole['points']:,} against {whole['points']:,} points: {seconds:.3g} s, "
        f"{whole['peak_above_data_bytes'] / 1e6:,.0f} MB above the data.\n"
    )
    lines.append("| `compare`, seconds | without classes | with classes |\n|---|---:|---:|")
    without, within = (result["compare"][f"{name}_classes"] for name in ("without", "with"))
    lines += [
        f"| {name} | {without[name]['median_s']:.3g} | {within[name]['median_s']:.3g} |"
        for name in (*result["config"]["metrics"], "all")
    ]
    lines += ["", *_diagnostics(result["transport"]), f"\nLarge: {result['large']}"]
    return "\n".join(lines)


def _diagnostics(transports: list[dict]) -> list[str]:
    """Iterations and marginal errors of ours and the peers, and what compilation took."""
    lines = [
        "| dtype | epsilon | `transport`: iterations, error | debiased | POT | OTT, iterations | compilation, s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for case in transports:
        found = " | ".join(
            f"{case[who]['iterations']}, {case[who]['marginal_error']:.1e}"
            for who in ("ours", "ours_debiased", "pot")
        )
        first = [case["times"][name]["first_longer_by_s"] for name in ("transport", "wasserstein")]
        lines.append(
            f"| {case['dtype']} | {case['epsilon_of_mean_cost']} | {found} | {case['ott']['iterations']} | "
            f"{first[0]:.1f}, {first[1]:.1f} |"
        )
    return lines


def _row(case: dict, work: str, ours: str, peer_name: str, peer: str, name: str) -> str:
    times, found = case["times"], case["ratios"][name]
    epsilon = case["epsilon_of_mean_cost"] or "-"
    return (
        f"| {work} | {case['dtype']} | {epsilon} | {times[ours]['median_s']:.3g} | {peer_name} | "
        f"{times[peer]['median_s']:.3g} | {found['ratio']:.2f} ({found['least']:.2f} to {found['largest']:.2f}) |"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the result, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, in seconds")
    parser.add_argument("--out", type=Path, default=RESULTS / "distances.json")
    options = parser.parse_args(arguments)
    config = QUICK if options.quick else Config()
    head = provenance("python -m benchmarks.distances" + (" --quick" if options.quick else ""))
    head["versions"] |= {"POT": ot.__version__, "ott-jax": ott.__version__}
    result = {**head, "config": asdict(config), "threads": threads(), **measure(config)}
    write_json(options.out, result)
    print(table(json.loads(options.out.read_text())))


if __name__ == "__main__":
    main()
