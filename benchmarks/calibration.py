"""Are the intervals and verdicts of `recommend` calibrated? The table of theory.md, T9, made again by simulation.

    python -m benchmarks.calibration                    # the table; resumes
    python -m benchmarks.calibration --quick            # three repetitions at n = 50, a minute
    python -m benchmarks.calibration --only perfect     # one source; run several beside each other, then all

Small factorisations gain nothing from threads, and on busy cores lose much: `taskset -c 0 python -m ...`.

Regression with a known truth: n real points (d = 1 uniform, d = 3 Gaussian), a pool from one of eight sources, and
`smx.recommend` as a user calls it: kernel, lengthscale and ridge are chosen again on every sample. Then

- *true error* of a fit: mean over fresh points of (f* - fit)^2, plus the noise variance: what a leave-one-out
  error estimates. *Excess* is the same without the noise; regrets are ratios of excesses, so stricter;
- *true curve*: the error at the advice's kernel for every weight, ridge and count, mean over fresh orders of
  the pool;
- *best count*: where the true curve at the advice's weight and ridge is least;
- *real only*: no synthetic points, the ridge of least leave-one-out error.

The rows in the .jsonl keep the evidence (t of the gain, paired t of every count), so that `rules` can ask what
other constants would have said. Means and shares come with standard errors.
"""

import argparse
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from benchmarks._calibration_cases import PROBLEMS, SOURCES, fresh, recipe_of
from benchmarks._calibration_table import QUANTILE, TOGETHER, entry, rules, show, summarise
from benchmarks._record import provenance, resumable, write_json

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Config:
    """What is run; the number of repetitions may grow from run to run."""

    sizes: tuple[int, ...] = (50, 200)
    pool: int = 400
    test: int = 2000
    orders: int = 3


def main() -> None:
    """Run what is missing, write and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three repetitions, n = 50")
    parser.add_argument("--repetitions", type=int, default=60)
    parser.add_argument("--only", nargs="*", default=[s.name for s in SOURCES], help="sources")
    parser.add_argument("--out", type=Path, help="default results/calibration[-quick].json")
    arguments = parser.parse_args()
    name = "calibration-quick.json" if arguments.quick else "calibration.json"
    out = arguments.out or RESULTS / name
    config = Config(sizes=(50,)) if arguments.quick else Config()
    settings = {
        **asdict(config),
        "problems": [asdict(problem) for problem in PROBLEMS],
        "sources": [asdict(source) for source in SOURCES],
        "version": smx.__version__,
    }
    repetitions = 3 if arguments.quick else arguments.repetitions
    cells = [
        (s, p, n, r)
        for r in range(repetitions)
        for n in config.sizes
        for p in range(len(PROBLEMS))
        for s, source in enumerate(SOURCES)
        if source.name in arguments.only
    ]
    rows = resumable(out.with_suffix(".jsonl"), settings, cells, lambda *cell: run(*cell, config))
    table = summarise(rows)
    content = {
        **provenance("python -m benchmarks.calibration"),
        "settings": settings,
        "table": table,
        **{name: entry([r for r in rows if chosen(r)]) for name, chosen in TOGETHER.items()},
        "rules": rules(rows),
    }
    write_json(out, content)
    show(content)


def run(s: int, p: int, n: int, repetition: int, config: Config) -> dict:
    """One sample: the advice, and what a known truth says of it."""
    source, problem = SOURCES[s], PROBLEMS[p]
    rng = np.random.default_rng([repetition, n, p])  # real and test points shared by the sources
    real = fresh(problem, n, 0.0, problem.noise, rng)
    test_x = problem.inputs(config.test, rng)
    test = smx.Dataset(test_x, problem.truth(test_x))
    seed = (repetition, n, p, s)
    recipe = recipe_of(source, problem, config.pool, seed)
    pool = recipe(real)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        advice = smx.recommend(
            real,
            recipe if source.cross_fitted else pool,
            key=jax.random.fold_in(jax.random.key(repetition), 100 * n + 10 * p + s),
            fitted_on="real" if source.cross_fitted else "other",
            distances=False,
        )
    truth = true_errors(real, pool, test, advice, config.orders, seed)
    predicted = float(np.mean((advice.predict(test.x) - test.y) ** 2))
    verdict = judge(advice, truth, predicted, problem.noise**2)
    return verdict | {"target_variance": _rounded(test.y.var())}


def true_errors(real, pool, test, advice, orders: int, seed: tuple) -> np.ndarray:
    """Excess errors (w, l, c) at the advice's kernel, mean over fresh orders of the pool."""
    centre = real.y.mean()  # as `recommend` does
    real, pool, test = (smx.Dataset(data.x, data.y - centre) for data in (real, pool, test))
    rng = np.random.default_rng([*seed, 1])
    sweeps = [
        smx.krr.sweep(
            real,
            pool[rng.permutation(len(pool))],
            kernel=advice.kernel,
            ridges=advice.sweep.ridges,
            weights=advice.sweep.weights,
            counts=advice.sweep.counts,
            loo=False,
            test=test,
        ).test_error
        for _ in range(orders)
    ]
    return np.mean(sweeps, axis=0)


def judge(advice, excess: np.ndarray, predicted: float, variance: float) -> dict:
    """Hold the advice against the excess errors (w, l, c) of every cell and the excess of its predictor."""
    sweep, counts = advice.sweep, advice.sweep.counts
    loo, points = sweep.loo_error, sweep.loo_residuals
    w, l = (
        int(np.flatnonzero(values == value)[0])
        for values, value in ((sweep.weights, advice.weight), (sweep.ridges, advice.ridge))
    )
    curve = excess[w, l]
    best, index = int(np.argmin(curve)), int(np.flatnonzero(counts == advice.count)[0])
    low, high = advice.interval
    inside = (counts >= low) & (counts <= high)
    argmin = sweep.best().index
    choices = {
        "advice": predicted,
        "advised": curve[index],
        "argmin": excess[argmin],
        "one_se": excess[one_standard_error(points, argmin)],
        "real_only": excess[0, int(np.argmin(loo[0, :, 0])), 0],
        "everything": excess[-1, int(np.argmin(loo[-1, :, -1])), -1],
        "best": excess.min(),
        "best_real_only": excess[0, :, 0].min(),
    }
    whole = excess[-1].min(axis=0)  # the best curve at weight 1: its ends and its least
    return {
        **{name: _rounded(value) for name, value in choices.items()},
        "variance": variance,
        "verdict": advice.verdict,
        "count": advice.count,
        "weight": advice.weight,
        "interval": [low, high],
        "best_count": int(counts[best]),
        "covered": bool(inside[best]),
        "nearly_covered": bool((curve[inside].min() + variance) <= 1.01 * (curve[best] + variance)),
        "gain": _rounded(advice.gain),
        "gain_error": _rounded((advice.gain - advice.gain_interval[0]) / QUANTILE),
        "suspicious": bool(advice.copies.suspicious) if advice.copies else None,
        "close": _rounded(advice.copies.close) if advice.copies else None,
        "unweighted": {
            name: _rounded(error)
            for name, error in (("none", whole[0]), ("least", whole.min()), ("all", whole[-1]))
        },
        "paired_t": [_rounded(t) for t in paired_t(points[w, l])],
        "best_index": best,
        "index": index,
    }


def one_standard_error(points: np.ndarray, best: tuple[int, int, int]) -> tuple[int, int, int]:
    """Smallest count, at the best cell's weight and ridge, within one standard error of its error."""
    w, l, c = best
    error = points[w, l].mean(axis=-1)
    limit = error[c] + points[best].std(ddof=1) / np.sqrt(points.shape[-1])
    return w, l, int(np.argmax(error <= limit))


def paired_t(points: np.ndarray) -> np.ndarray:
    """Paired t of every count (c, n) against the count of least mean."""
    difference = points - points[np.argmin(points.mean(axis=-1))]
    mean, spread = difference.mean(axis=-1), difference.std(axis=-1, ddof=1)
    return np.divide(mean, spread / np.sqrt(points.shape[-1]), where=spread > 0, out=0 * mean)


def _rounded(value: float) -> float:
    return float(f"{float(value):.4g}")


if __name__ == "__main__":
    main()
