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
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

import synthmix_jax as smx
from benchmarks._record import provenance, resumable, write_json

RESULTS = Path(__file__).parent / "results"
HELP = ("use all", "use part")
CHOICES = ("advice", "advised", "argmin", "one_se", "real_only", "everything")
QUANTILE = 1.64  # of `recommend`: turns its 90 % interval of the gain into a standard error


@dataclass(frozen=True)
class Problem:
    """A law of the inputs, a truth and a noise; `bias` is the size of a moderate error of a generator."""

    d: int
    law: str
    noise: float
    bias: float

    def inputs(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Inputs (count, d)."""
        shape = (count, self.d)
        return rng.uniform(-1, 1, shape) if self.law == "uniform" else rng.normal(size=shape)

    def truth(self, x: np.ndarray) -> np.ndarray:
        """The regression function f*."""
        if self.d == 1:
            return np.sin(7 * x[:, 0]) + 0.5 * np.cos(3 * x[:, 0])
        return np.sin(1.5 * x[:, 0]) + np.cos(1.2 * x[:, 1]) + 0.4 * x[:, 0] * x[:, 2]

    def error_of_generator(self, x: np.ndarray) -> np.ndarray:
        """A smooth function of mean square near one: the generator's regression function less f*."""
        return np.sqrt(2) * np.cos(1.5 * x[:, 0] + x[:, -1] + 0.5)


@dataclass(frozen=True)
class Source:
    """Where synthetic points come from.

    `bias` and `noise` are in units of the problem's. `kind` is "fresh" (points of the law), "copies" (jittered
    real points) or "smoother" (a Nadaraya-Watson fit to the real points, inputs of a smoothed bootstrap). A
    cross-fitted source is handed over as a callable with fitted_on="real", the others as samples.
    """

    name: str
    bias: float = 0.0
    noise: float = 1.0
    kind: str = "fresh"
    cross_fitted: bool = False


PROBLEMS = (Problem(1, "uniform", 0.4, 0.3), Problem(3, "Gaussian", 0.4, 0.35))
SOURCES = (
    Source("perfect"),
    Source("smooth bias", bias=1.0),
    Source("strong bias", bias=4.0),
    Source("noisy", noise=3.0),
    Source("leaky copies", kind="copies"),
    Source("leaky copies, cross-fitted", kind="copies", cross_fitted=True),
    Source("leaky smoother", kind="smoother"),
    Source("leaky smoother, cross-fitted", kind="smoother", cross_fitted=True),
)


TOGETHER = {
    "honest": lambda row: _kind(row) == "fresh",
    "leaky, as samples": lambda row: row["suspicious"] is not None and _kind(row) != "fresh",
    "leaky, cross-fitted": lambda row: row["suspicious"] is None,
}
COLUMNS = {
    "cover": "covered",
    "cover1%": "nearly_covered",
    "gain": "gain_covered",
    "gain*": "gain_covered_unless_none",
    "claims": "claims",
    "wrong": "wrong_claims",
    "harm>5%": "harmful",
    "argmin": "argmin_worse",
    "copies": "suspicious",
}


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
        **{name: _entry([r for r in rows if chosen(r)]) for name, chosen in TOGETHER.items()},
        "rules": rules(rows),
    }
    write_json(out, content)
    show(content)


def run(s: int, p: int, n: int, repetition: int, config: Config) -> dict:
    """One sample: the advice, and what a known truth says of it."""
    source, problem = SOURCES[s], PROBLEMS[p]
    rng = np.random.default_rng([repetition, n, p])  # real and test points shared by the sources
    real = _fresh(problem, n, 0.0, problem.noise, rng)
    test_x = problem.inputs(config.test, rng)
    test = smx.Dataset(test_x, problem.truth(test_x))
    seed = (repetition, n, p, s)
    recipe = _recipe(source, problem, config.pool, seed)
    pool = recipe(real)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        advice = smx.recommend(
            real,
            recipe if source.cross_fitted else pool,
            key=jax.random.fold_in(jax.random.key(repetition), 100 * n + 10 * p + s),
            fitted_on="real" if source.cross_fitted else "other",
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
    gain_low, gain_high = advice.gain_interval
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
        "gain_error": _rounded((gain_high - gain_low) / (2 * QUANTILE)),
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


def summarise(rows: list[dict]) -> list[dict]:
    """One entry a source, problem and size."""
    table = []
    for s, p, n in sorted({tuple(row["cell"][:3]) for row in rows}):
        mine = [row for row in rows if tuple(row["cell"][:3]) == (s, p, n)]
        problem = PROBLEMS[p]
        table.append(
            {"source": SOURCES[s].name, "d": problem.d, "law": problem.law, "n": n} | _entry(mine)
        )
    return table


def rules(rows: list[dict]) -> list[dict]:
    """What other constants would have said: the first three on honest sources.

    `help t`: threshold of the gain's t; the recorded predictor stands in for that of another verdict. `worthwhile`:
    limit of the gain's upper end for "use none". `hull t`: threshold of the paired t, at the recorded weight and
    ridge. `close`: share of close points that is suspicious.
    """
    honest = [row for row in rows if _kind(row) == "fresh"]
    table = []
    for value in (1.0, 1.28, 1.64, 2.0, 2.5):
        claims = [_t(row) > value for row in honest]
        pairs = list(zip(claims, honest, strict=True))
        answers = {
            "claims": claims,
            "wrong": [claim and _worse(row) for claim, row in pairs],
            "harmful": [claim and _worse(row, 1.05) for claim, row in pairs],
            "wrong of claims": [_worse(row) for claim, row in pairs if claim],
            "found where 5 % to gain": [claim for claim, row in pairs if _worth(row)],
        }
        table.append(("help t", value, answers))
    for value in (0.03, 0.05, 0.07, 0.1, 0.15):
        pairs = [(_none(row, value), _worth(row)) for row in honest]
        answers = {
            "said": [none for none, _ in pairs],
            "said where under 5 % to gain": [none for none, worth in pairs if not worth],
            "said where 5 % to gain": [none for none, worth in pairs if worth],
        }
        table.append(("worthwhile", value, answers))
    for value in (0.67, 1.0, 1.28, 1.64, 2.0):
        covered, width = zip(*(_hull(row, value) for row in honest), strict=True)
        table.append(("hull t", value, {"covered": covered, "width": width}))
    for value in (0.25, 0.3, 0.35, 0.4, 0.5):
        answers = {
            kind: [row["close"] and row["close"] > value for row in rows if _kind(row) == kind]
            for kind in ("fresh", "copies", "smoother")
        }
        table.append(("close", value, answers))
    return [
        {"constant": constant, "value": value} | {name: _mean(a) for name, a in answers.items()}
        for constant, value, answers in table
    ]


def show(content: dict) -> None:
    """Print the tables."""
    print("Shares in %; regrets are (excess - least excess) / least excess, with standard errors.")
    print(f"{'':41s}" + "".join(f"{short:>9s}" for short in COLUMNS) + "  verdicts")
    titled = [(f"{r['source']} d={r['d']} n={r['n']} ({r['runs']})", r) for r in content["table"]]
    titled += [(f"{name} ({content[name]['runs']})", content[name]) for name in TOGETHER]
    for title, row in titled:
        cells = (row[name] for name in COLUMNS.values())
        text = "".join(f"{100 * c['value']:9.0f}" if c else f"{'-':>9s}" for c in cells)
        print(f"{title:41s}{text}  {row['verdicts']}")
    print(f"{'':41s}" + "".join(f"{name:>14s}" for name in CHOICES))
    for title, row in titled:
        means = (row["regret"][name] for name in CHOICES)
        print(f"{title:41s}" + "".join(f"{m['value']:7.2f} ({m['se']:.2f})" for m in means))
    for row in content["rules"]:
        values = (f"{k} {v['value']:.3f}" for k, v in row.items() if isinstance(v, dict))
        print(f"{row['constant']} {row['value']}: " + ", ".join(values))


def _entry(rows: list[dict]) -> dict:
    """Shares and means over some runs; a mean is None where no run is asked."""
    help_ = {row["verdict"]: row["verdict"] in HELP for row in rows}
    shares = {
        "covered": lambda row: row["covered"],
        "nearly_covered": lambda row: row["nearly_covered"],
        "interval_width": lambda row: row["interval"][1] - row["interval"][0],
        "claims": lambda row: help_[row["verdict"]],
        "wrong_claims": lambda row: help_[row["verdict"]] and _worse(row),
        "wrong_of_claims": lambda row: _worse(row) if help_[row["verdict"]] else None,
        "harmful": lambda row: _worse(row, 1.05),
        "harmful_claims": lambda row: help_[row["verdict"]] and _worse(row, 1.05),
        "argmin_worse": lambda row: row["argmin"] > row["real_only"],
        "suspicious": lambda row: row["suspicious"],
        "gain": lambda row: row["gain"],
        "gain_of_predictor": _gain_of,
        "gain_of_argmin": lambda row: _gain_of(row, "argmin"),
        "gain_covered": lambda row: _gain_side(row) == 0,
        # A "use none" predictor gains zero by definition, whatever the interval says of synthetic data.
        "gain_covered_unless_none": lambda row: (
            None if row["verdict"] == "use none" else _gain_side(row) == 0
        ),
        "gain_covered_argmin": lambda row: _gain_side(row, "argmin") == 0,
        "gain_promised_too_much": lambda row: _gain_side(row) < 0,
        "explained": lambda row: 1 - row["real_only"] / row["target_variance"],
        "none_over_least": lambda row: row["unweighted"]["none"] / row["unweighted"]["least"],
        "all_over_least": lambda row: row["unweighted"]["all"] / row["unweighted"]["least"],
    }
    return {
        "runs": len(rows),
        "verdicts": dict(sorted(Counter(row["verdict"] for row in rows).items())),
        "regret": {name: _mean(row[name] / row["best"] - 1 for row in rows) for name in CHOICES},
        "median_regret": {
            name: round(float(np.median([row[name] / row["best"] - 1 for row in rows])), 4)
            for name in CHOICES
        },
        **{name: _mean(map(ask, rows)) for name, ask in shares.items()},
    }


def _fresh(problem, count: int, bias: float, noise: float, rng) -> smx.Dataset:
    x = problem.inputs(count, rng)
    y = problem.truth(x) + bias * problem.error_of_generator(x) + noise * rng.normal(size=count)
    return smx.Dataset(x, y)


def _recipe(source: Source, problem: Problem, count: int, seed: tuple) -> Callable:
    """Real points -> pool; a function of its argument alone, as cross-fitting needs."""

    def recipe(real: smx.Dataset) -> smx.Dataset:
        stamp = zlib.crc32(np.asarray(real.x).tobytes()) if source.kind != "fresh" else 0
        rng = np.random.default_rng([*seed, stamp, 2])
        if source.kind == "fresh":
            bias, noise = source.bias * problem.bias, source.noise * problem.noise
            return _fresh(problem, count, bias, noise, rng)
        return (_copies if source.kind == "copies" else _smoother)(real, problem, count, rng)

    return recipe


def _copies(real: smx.Dataset, problem: Problem, count: int, rng) -> smx.Dataset:
    """Real points drawn again, inputs and targets jittered by a few hundredths."""
    drawn = np.arange(count) % len(real)
    x = real.x[drawn] + 0.05 * real.x.std(axis=0) * rng.normal(size=(count, problem.d))
    return smx.Dataset(x, real.y[drawn] + 0.25 * problem.noise * rng.normal(size=count))


def _smoother(real: smx.Dataset, problem: Problem, count: int, rng) -> smx.Dataset:
    """Inputs of a smoothed bootstrap; targets of a Nadaraya-Watson fit, with its own noise."""
    width = 0.5 * real.x.std(axis=0) * len(real) ** (-1 / (problem.d + 4))
    drawn = rng.integers(len(real), size=count)
    x = real.x[drawn] + width * rng.normal(size=(count, problem.d))
    squared = (((x[:, None] - real.x[None]) / width) ** 2).sum(axis=-1)
    weights = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)))
    y = weights @ real.y / weights.sum(axis=1)
    return smx.Dataset(x, y + problem.noise * rng.normal(size=count))


def _kind(row: dict) -> str:
    return SOURCES[row["cell"][0]].kind


def _t(row: dict) -> float:
    return row["gain"] / row["gain_error"] if row["gain_error"] else 0.0


def _gain_of(row: dict, name: str = "advice") -> float:
    return 1 - (row[name] + row["variance"]) / (row["real_only"] + row["variance"])


def _gain_side(row: dict, name: str = "advice") -> int:
    """Where the true gain of a choice lies: below (-1), inside (0) or above (1) the interval."""
    off = _gain_of(row, name) - row["gain"]
    return int(np.sign(off)) if abs(off) > QUANTILE * row["gain_error"] else 0


def _worse(row: dict, factor: float = 1.0) -> bool:
    """Whether following the advice has more than `factor` times the true error of real only."""
    return row["advice"] + row["variance"] > factor * (row["real_only"] + row["variance"])


def _worth(row: dict) -> bool:
    """Whether the best cell in hindsight saves 5 % of the true error of the best real-only ridge."""
    return row["best"] + row["variance"] < 0.95 * (row["best_real_only"] + row["variance"])


def _none(row: dict, limit: float) -> bool:
    """Whether the rule says "use none" with this limit for the upper end of the gain's interval."""
    return _t(row) <= QUANTILE and row["gain"] + QUANTILE * row["gain_error"] < limit


def _hull(row: dict, threshold: float) -> tuple[bool, float]:
    """Whether an interval with this threshold covers the best count, and its share of the grid."""
    inside = np.flatnonzero(np.asarray(row["paired_t"]) <= threshold)
    keep = [row["index"]] if row["verdict"] in HELP else [row["index"], 0]
    low, high = min(*inside, *keep), max(*inside, *keep)
    return low <= row["best_index"] <= high, (high - low) / (len(row["paired_t"]) - 1)


def _mean(values) -> dict | None:
    """Mean and standard error of what is not None; for shares the error is the binomial one."""
    found = np.array([value for value in values if value is not None], float)
    if not len(found):
        return None
    return {
        "value": round(float(found.mean()), 4),
        "se": round(float(found.std() / np.sqrt(len(found))), 4),
    }


def _rounded(value: float) -> float:
    return float(f"{float(value):.4g}")


if __name__ == "__main__":
    main()
