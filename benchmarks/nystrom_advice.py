"""Is advice from regression on features the exact advice? Verdicts, intervals and errors side by side.

    python -m benchmarks.nystrom_advice            # digits and CIFAR-10 (SYNTHMIX_DATA_DIR)
    python -m benchmarks.nystrom_advice --quick    # one case of digits

Digits: 100 real ones and 1,000 of a class Gaussian under a dial, as in `benchmarks.verdicts`. CIFAR-10: random
convolutional features of 500 real images and of 3,000 of a class Gaussian fitted on 8,000 others, as in
`experiments.cifar10_kernel`. Kernel, ridges, weights and counts are the same for all; the features grow from 256 to
1,024.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import synthmix_jax as smx
from benchmarks import verdicts
from benchmarks._record import provenance, resumable, write_json
from synthmix_jax.generators import ClassGaussian, Shifted, draw

RESULTS = Path(__file__).parent / "results"
FEATURES = (256, 512, 1024)
DIGITS = verdicts.Config(sizes=(100,), seeds=1, pool=1000)
# Of the table in `benchmarks.verdicts`: blurred, clean, plateau, upside down.
CASES = (1, 2, 3, 4)
CIFAR = {"rank 20": (20, 0.0), "rank 5, brighter by 0.2": (5, 0.2)}
REAL, POOL, TEST, FITTED_ON = 500, 3000, 2000, 8000


def digits(index: int, seed: int):
    """Real points, pool, test points and a key."""
    return verdicts.data(verdicts.CASES[index], DIGITS.sizes[0], seed, DIGITS)


def cifar(name: str, seed: int):
    """The same of CIFAR-10, in random convolutional features."""
    rank, offset = CIFAR[name]
    split, sample, advice = jax.random.split(jax.random.key(seed), 3)
    train, test = (smx.load("cifar10", split=part) for part in ("train", "test"))
    real, rest = train.split(REAL / len(train), key=split)
    seen, _ = rest.split(FITTED_ON / len(rest), key=split)
    generator = Shifted(ClassGaussian.fit(seen, rank=rank), offset=offset)
    pool = draw(generator, POOL, key=sample)
    maps = smx.features.default(real.x)
    found = [
        smx.Dataset(np.asarray(maps(d.x)), d.y, num_classes=10) for d in (real, pool, test[:TEST])
    ]
    return *found, advice


def run(data: str, case: Any, seed: int) -> dict:
    """Exact advice, then advice on ever more features, of one case."""
    real, pool, test, key = cifar(case, seed) if data == "cifar10" else digits(case, seed)
    options: dict[str, Any] = {
        "key": key,
        "counts": smx.mixing.geometric_counts(len(pool), 20),
        "num_orders": 1,
        "distances": False,
    }
    rows = {}
    method: dict[str, Any]
    for number in (None, *FEATURES):
        method = (
            {"method": "exact"} if number is None else {"method": "nystrom", "num_features": number}
        )
        start = time.perf_counter()
        advice = smx.recommend(real, pool, **options, **method)
        seconds = time.perf_counter() - start
        options |= {"kernel": advice.kernel, "ridges": advice.sweep.ridges}
        rows["exact" if number is None else str(number)] = {
            "verdict": advice.verdict,
            "count": advice.count,
            "weight": advice.weight,
            "ridge": advice.ridge,
            "interval": list(advice.interval),
            "gain": advice.gain,
            "gain_interval": list(advice.gain_interval),
            "real_only_error": advice.real_only_error,
            "error": advice.error,
            "test_misclassified": 100
            * float(np.mean(advice.predict(test.x).argmax(axis=1) != test.y)),
            "too_few_features": any("Too few features" in warning for warning in advice.warnings),
            "seconds": seconds,
        }
    return {"kernel": smx.kernels.describe(options["kernel"]), "rows": rows}


def summarise(rows: list[dict]) -> dict:
    """Against the exact advice, by number of features: how often the verdict is the same and intervals overlap."""
    table = {}
    for number in map(str, FEATURES):
        pairs = [(row["rows"]["exact"], row["rows"][number]) for row in rows]
        table[number] = {
            "cases": len(pairs),
            "same_verdict": sum(a["verdict"] == b["verdict"] for a, b in pairs),
            "counts_overlap": sum(_overlap(a["interval"], b["interval"]) for a, b in pairs),
            "gains_overlap": sum(
                _overlap(a["gain_interval"], b["gain_interval"]) for a, b in pairs
            ),
            "largest_difference_of_gain": max(abs(a["gain"] - b["gain"]) for a, b in pairs),
        }
    return table


def _overlap(a: list, b: list) -> bool:
    return max(a[0], b[0]) <= min(a[1], b[1])


def main() -> None:
    """Run what is missing, write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one case of digits")
    parser.add_argument("--out", type=Path, help="default: results/nystrom_advice.json")
    parser.add_argument(
        "--log", type=Path, help="one line a case, to resume from; default beside --out"
    )
    arguments = parser.parse_args()
    out = arguments.out or RESULTS / f"nystrom_advice{'_quick' * arguments.quick}.json"
    cells: list[tuple] = [("digits", case, 0) for case in (CASES[:1] if arguments.quick else CASES)]
    cells += [] if arguments.quick else [("cifar10", name, 0) for name in CIFAR]
    settings = {
        "features": FEATURES,
        "digits": {"real": DIGITS.sizes[0], "pool": DIGITS.pool, "test": DIGITS.test},
        "cifar10": {"real": REAL, "pool": POOL, "test": TEST, "fitted_on": FITTED_ON},
        "version": smx.__version__,
    }
    log = arguments.log or out.with_suffix(".jsonl")
    rows = resumable(log, settings, cells, run)
    for row in rows:
        name = row["cell"][1]
        row["case"] = verdicts.CASES[name].name if row["cell"][0] == "digits" else name
        for number, found in row["rows"].items():
            print(
                f"{row['cell'][0]:8s} {row['case']:24s} {number:6s} {found['verdict']:17s} "
                f"counts {found['interval']}, "
                f"gain {100 * found['gain']:.1f} %, test {found['test_misclassified']:.1f} %"
            )
    table = summarise(rows)
    head = provenance("python -m benchmarks.nystrom_advice" + " --quick" * arguments.quick)
    write_json(out, {**head, "settings": settings, "rows": rows, "table": table})
    print(table)


if __name__ == "__main__":
    main()
