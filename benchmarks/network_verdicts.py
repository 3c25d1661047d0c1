"""How often is the verdict on trained networks right? Simulated validation errors with a known truth.

    python -m benchmarks.network_verdicts            # the table of README, under two minutes on two cores
    python -m benchmarks.network_verdicts --quick    # 50 repetitions

No network is trained. A held-out point is misclassified where its difficulty lies below the network's level. The
difficulty is partly the point's own (shared by all ratios of a seed) and partly the network's, and the level
varies from seed to seed and from network to network. Errors of a seed's networks are therefore correlated over the
ratios, as those of real networks are, and come in steps of one over the number of held-out points.
"""

import argparse
import time
import warnings
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

import synthmix_jax as smx
from benchmarks._record import provenance, write_json
from synthmix_jax.training import Config, History, Result, Seeds

RESULTS = Path(__file__).parent / "results"
RATIOS = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
NUM_REAL = 100
HELP = ("use all", "use part")


@dataclass(frozen=True)
class Case:
    """A true curve: relative to real data alone, its dip at ratio 5.3, its slope and its rise at the end."""

    name: str
    dip: float = 0.0
    slope: float = 0.0
    rise: float = 0.0

    def curve(self, alone: float) -> np.ndarray:
        """Error at every ratio, before the noise of seeds and networks."""
        place = np.log1p(RATIOS / RATIOS[1])
        place = place / place[-1]
        valley = np.sin(np.pi * np.minimum(place / 0.8, 1.0))
        beyond = np.maximum(place - 0.8, 0.0) / 0.2
        return alone * (1.0 - self.dip * valley + self.slope * place + self.rise * beyond)


CASES = (
    Case("flat"),
    Case("U, 10 %", dip=0.10, rise=0.6),
    Case("U, 25 %", dip=0.25, rise=0.6),
    Case("U, 45 %", dip=0.45, rise=0.6),
    Case("helps, 5 %", slope=-0.05),
    Case("helps, 30 %", slope=-0.30),
    Case("harms", slope=0.50),
)


@dataclass(frozen=True)
class Settings:
    """What is simulated.

    Attributes:
        repetitions: Results of each case, number of seeds and number of points.
        seeds: Numbers of seeds.
        points: Numbers of held-out points.
        alone: Error of real data alone.
        shared: Share of a point's difficulty that all networks of a seed have in common.
        seed_spread: Standard deviation of the level over seeds.
        network_spread: The same over the networks of a seed.
    """

    repetitions: int = 2000
    seeds: tuple[int, ...] = (3, 5, 10)
    points: tuple[int, ...] = (100, 500)
    alone: float = 0.2
    shared: float = 0.7
    seed_spread: float = 0.1
    network_spread: float = 0.1


def errors(case: Case, seeds: int, points: int, settings: Settings, rng: np.random.Generator):
    """Validation errors of one result (r, s)."""
    level = ndtri(case.curve(settings.alone))[:, None]
    level = level + rng.normal(0, settings.seed_spread, seeds)
    level = level + rng.normal(0, settings.network_spread, level.shape)
    common = rng.standard_normal((seeds, points), dtype=np.float32)
    own = rng.standard_normal((len(RATIOS), seeds, points), dtype=np.float32)
    difficulty = np.sqrt(settings.shared) * common + np.sqrt(1 - settings.shared) * own
    return (difficulty < level[..., None]).mean(axis=-1)


def truth(case: Case, settings: Settings) -> np.ndarray:
    """Expected error at every ratio (r,)."""
    spread = np.sqrt(1 + settings.seed_spread**2 + settings.network_spread**2)
    return ndtr(ndtri(case.curve(settings.alone)) / spread)


def result_of(values: np.ndarray, points: int) -> Result:
    """The record that `training.sweep` would hand back with these errors."""
    counts = np.round(RATIOS * NUM_REAL).astype(int)
    nothing = np.full((*values.shape, 1), np.nan)
    return Result(
        ratios=RATIOS,
        realised_counts=counts,
        realised_ratios=counts / NUM_REAL,
        realised_shares=RATIOS / (1 + RATIOS),
        seeds=Seeds.of(values.shape[1]),
        num_real=NUM_REAL,
        num_validation=points,
        pool=int(counts[-1]),
        num_steps=np.full(len(RATIOS), 1000),
        test_error=np.full(values.shape, np.nan),
        test_loss=np.full(values.shape, np.nan),
        validation_error=values,
        chosen_step=np.full(values.shape, 1000),
        history=History(np.full(nothing.shape, 1000), nothing, nothing, nothing),
        status=np.full(values.shape, ""),
        config=Config(),
        num_classes=10,
        log=(),
        settings={},
    )


def row(case: Case, seeds: int, points: int, settings: Settings) -> dict:
    """Verdicts, claims and coverage of one case."""
    rng = np.random.default_rng([CASES.index(case), seeds, points])
    expected = truth(case, settings)
    true_gain = 1 - expected / expected[0]
    advices = [
        smx.advice.judge(result_of(errors(case, seeds, points, settings, rng), points))
        for _ in range(settings.repetitions)
    ]
    gains = np.array([true_gain[a.networks.index] for a in advices])
    claims = np.array([a.verdict in HELP for a in advices])
    none = np.array([a.verdict == "use none" for a in advices])
    ends = np.array([a.gain_interval for a in advices])
    covered = (ends[:, 0] <= gains) & (gains <= ends[:, 1])
    best = int(np.argmin(expected))
    low, high = np.array([a.networks.interval for a in advices]).T
    least = np.array([true_gain[np.argmin(a.curve.error)] for a in advices])
    verdicts = Counter(a.verdict for a in advices)
    return {
        "case": case.name,
        "seeds": seeds,
        "points": points,
        "best_gain": float(true_gain.max()),
        "verdicts": {name: verdicts[name] / len(advices) for name in sorted(verdicts)},
        "claimed": float(claims.mean()),
        "claimed_without_gain": float((claims & (gains <= 0)).mean()),
        "claimed_with_harm": float((claims & (gains < 0)).mean()),
        "least_mean_with_harm": float((least < 0).mean()),
        "gain_covered": float(covered.mean()),
        "gain_covered_unless_none": float(covered[~none].mean()) if (~none).any() else None,
        "count_covered": float(((low <= best) & (best <= high)).mean()),
        "regret": float((true_gain.max() - gains).mean()),
        "regret_of_none": float(true_gain.max()),
    }


def main() -> None:
    """Simulate, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="50 repetitions")
    parser.add_argument("--out", type=Path, default=RESULTS / "network_verdicts.json")
    arguments = parser.parse_args()
    settings = Settings(repetitions=50) if arguments.quick else Settings()
    start = time.perf_counter()
    table = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for points in settings.points:
            for case in CASES:
                for seeds in settings.seeds:
                    table.append(row(case, seeds, points, settings))
                    print(line(table[-1]), flush=True)
    command = "python -m benchmarks.network_verdicts" + (" --quick" if arguments.quick else "")
    content = {
        **provenance(command),
        "seconds": time.perf_counter() - start,
        "settings": {**asdict(settings), "cases": [asdict(c) for c in CASES]},
        "table": table,
    }
    write_json(arguments.out, content)


def line(row: dict) -> str:
    """One row of the table of README, shares in percent."""
    verdicts = [row["verdicts"].get(name, 0.0) for name in (*HELP, "use none", "no clear optimum")]
    unless = row["gain_covered_unless_none"]
    shares = [
        *verdicts,
        row["claimed_without_gain"],
        row["claimed_with_harm"],
        row["least_mean_with_harm"],
        row["gain_covered"],
        np.nan if unless is None else unless,
        row["count_covered"],
    ]
    cells = [f"{100 * share:.3g}" for share in shares]
    head = [row["case"], str(row["points"]), str(row["seeds"])]
    regrets = [f"{100 * row['regret']:.2g}", f"{100 * row['regret_of_none']:.2g}"]
    return f"| {' | '.join([*head, *cells, *regrets])} |"


if __name__ == "__main__":
    main()
