"""How often is the verdict right on real digits, and what does following it cost?

    python -m benchmarks.verdicts                 # the table of README, about 30 minutes on two cores
    python -m benchmarks.verdicts --quick         # two seeds at 50 real images

Real: 30, 50 or 100 UCI digits. Synthetic: 2,000 images of a class Gaussian fitted on other digits, then a dial. 700
other digits are the test set, which the advice never sees. Regret: misclassification of the advice's prediction on
the test set less that of the best (weight, ridge, count) in hindsight, in points.
"""

import argparse
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from benchmarks._record import provenance, resumable, write_json
from synthmix_jax.generators import ClassGaussian, Shifted, draw

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Case:
    """A generator: how many digits it is fitted on, its rank, its dials, and the right verdict."""

    name: str
    fitted_on: int
    rank: int
    dials: dict
    upside_down: bool
    right: tuple[str, ...]


CASES = (
    Case("U: blurred and moved", 50, 5, {"blur": 1.0, "translate": 0.5}, False, ("use part",)),
    Case("U: blurred", 50, 5, {"blur": 1.3}, False, ("use part",)),
    Case("clean", 800, 10, {}, False, ("use all",)),
    Case("plateau", 50, 5, {}, False, ("use all", "use part")),
    Case("upside down", 200, 5, {}, True, ("use none",)),
    Case("half the labels moved", 200, 5, {"label_shift": 0.5}, False, ("use none",)),
    Case("30 % label noise", 200, 5, {"label_noise": 0.3}, False, ("use all",)),
)


@dataclass(frozen=True)
class Config:
    """What is run."""

    sizes: tuple[int, ...] = (30, 50, 100)
    seeds: int = 20
    pool: int = 2000
    test: int = 700


def data(case: Case, n: int, seed: int, config: Config):
    """Real points, pool and test set; each seed has its own of all three."""
    split, fit, sample = (jax.random.fold_in(jax.random.key(seed), i) for i in range(3))
    digits = smx.load("digits", split="all")
    keys = jax.random.split(split, 3)
    rest, test = digits.split(1 - config.test / len(digits), key=keys[0])
    real, rest = rest.split(n / len(rest), key=keys[1])
    seen, _ = rest.split(case.fitted_on / len(rest), key=keys[2])
    generator = Shifted(ClassGaussian.fit(seen, rank=case.rank), **case.dials)
    pool = draw(generator, config.pool, key=sample)
    if case.upside_down:
        pool = smx.Dataset(pool.x[:, ::-1, ::-1], pool.y, num_classes=10)
    return real, pool, test, fit


def run(index: int, n: int, seed: int, config: Config) -> dict:
    """One case, size and seed: the advice, and what it costs on the test set."""
    real, pool, test, key = data(CASES[index], n, seed, config)
    advice = smx.recommend(real, pool, key=key, distances=False)
    order = smx.mixing.nested_order(pool.y, key=jax.random.fold_in(key, 1), num_classes=10)
    hindsight = smx.krr.sweep(
        real,
        pool[order],
        kernel=advice.kernel,
        ridges=advice.sweep.ridges,
        weights=advice.sweep.weights,
        counts=advice.sweep.counts,
        loo=False,
        test=test,
    ).test_misclassified
    w, l, c = (
        int(np.flatnonzero(values == value)[0])
        for values, value in (
            (advice.sweep.weights, advice.weight),
            (advice.sweep.ridges, advice.ridge),
            (advice.sweep.counts, advice.count),
        )
    )
    base = int(np.argmin(advice.sweep.loo_error[0, :, 0]))
    return {
        "verdict": advice.verdict,
        "count": advice.count,
        "weight": advice.weight,
        "ridge": advice.ridge,
        "interval": list(advice.interval),
        "gain": advice.gain,
        "gain_interval": list(advice.gain_interval),
        "kernel": smx.kernels.describe(advice.kernel),
        "close": advice.copies.close,
        "error": 100 * float(np.mean(advice.predict(test.x).argmax(axis=1) != test.y)),
        "cell_error": 100 * float(hindsight[w, l, c]),
        "real_only": 100 * float(hindsight[0, base, 0]),
        "whole_pool": 100 * float(hindsight[-1, base, -1]),
        "best": 100 * float(hindsight.min()),
    }


def summarise(rows: list[dict]) -> list[dict]:
    """Verdicts and regrets by case and size."""
    table = []
    for index, n in sorted({tuple(row["cell"][:2]) for row in rows}):
        mine = [row for row in rows if row["cell"][:2] == [index, n]]
        regret = np.array([row["error"] - row["best"] for row in mine])
        verdicts = Counter(
            row["verdict"] + (" at full weight" if _full_weight(row) else "") for row in mine
        )
        table.append(
            {
                "case": CASES[index].name,
                "n": n,
                "seeds": len(mine),
                "right": sum(row["verdict"] in CASES[index].right for row in mine),
                "verdicts": dict(sorted(verdicts.items())),
                "median_regret": float(np.median(regret)),
                "mean_regret": float(regret.mean()),
                "mean_regret_standard_error": float(regret.std(ddof=1) / np.sqrt(len(mine))),
                **{
                    f"median_{name}": float(np.median([row[name] for row in mine]))
                    for name in ("error", "cell_error", "real_only", "whole_pool", "best")
                },
            }
        )
    return table


def _full_weight(row: dict) -> bool:
    return row["verdict"] == "use all" and row["weight"] == 1.0


def main() -> None:
    """Run what is missing, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds, 50 real images")
    parser.add_argument("--out", type=Path, default=RESULTS / "verdicts.json")
    parser.add_argument(
        "--log", type=Path, help="one line a run, to resume from; default beside --out"
    )
    parser.add_argument("--cases", type=int, nargs="*", default=range(len(CASES)))
    arguments = parser.parse_args()
    config = Config(sizes=(50,), seeds=2) if arguments.quick else Config()
    settings = {
        **asdict(config),
        "cases": [asdict(case) for case in CASES],
        "version": smx.__version__,
    }
    log = arguments.log or arguments.out.with_suffix(".jsonl")
    cells = [(i, n, s) for n in config.sizes for s in range(config.seeds) for i in arguments.cases]
    rows = resumable(log, settings, cells, lambda *cell: run(*cell, config))
    table = summarise(rows)
    write_json(
        arguments.out,
        {**provenance("python -m benchmarks.verdicts"), "settings": settings, "table": table},
    )
    for row in table:
        print(
            f"{row['case']:24s} n={row['n']:4d}  {row['verdicts']}  regret {row['median_regret']:.1f} "
            f"(mean {row['mean_regret']:.1f}), error {row['median_error']:.1f}, real only "
            f"{row['median_real_only']:.1f}, whole pool {row['median_whole_pool']:.1f}"
        )


if __name__ == "__main__":
    main()
