"""The rows of the calibration summed up: shares, regrets, and what other constants would have said."""

from collections import Counter

import numpy as np

from benchmarks._calibration_cases import PROBLEMS, SOURCES

HELP = ("use all", "use part")
CHOICES = ("advice", "advised", "argmin", "one_se", "real_only", "everything")
QUANTILE = 1.64  # of `recommend`: turns its 90 % interval of the gain into a standard error
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
# What a case keeps of an entry, beside source, problem and size; the entries over many cases keep all.
IN_CASE = (
    *("runs", "verdicts", "regret", "interval_width"),
    *("wrong_of_claims", "gain", "gain_of_predictor"),
    *COLUMNS.values(),
)


def summarise(rows: list[dict]) -> list[dict]:
    """One entry a source, problem and size."""
    table = []
    for s, p, n in sorted({tuple(row["cell"][:3]) for row in rows}):
        mine = [row for row in rows if tuple(row["cell"][:3]) == (s, p, n)]
        problem = PROBLEMS[p]
        head = {"source": SOURCES[s].name, "d": problem.d, "law": problem.law, "n": n}
        whole = entry(mine)
        table.append(head | {name: whole[name] for name in IN_CASE})
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


def entry(rows: list[dict]) -> dict:
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


def _kind(row: dict) -> str:
    return SOURCES[row["cell"][0]].kind


def _t(row: dict) -> float:
    return row["gain"] / row["gain_error"] if row["gain_error"] else 0.0


def _gain_of(row: dict, name: str = "advice") -> float:
    return 1 - (row[name] + row["variance"]) / (row["real_only"] + row["variance"])


def _gain_side(row: dict, name: str = "advice") -> int:
    """Where the true gain of a choice lies: below (-1), inside (0) or above (1) the interval.

    The interval is that of `Gain.interval`: its upper end is at least zero, the gain of using none.
    """
    gain, margin = _gain_of(row, name), QUANTILE * row["gain_error"]
    low, high = row["gain"] - margin, max(row["gain"] + margin, 0.0)
    return int(gain > high) - int(gain < low)


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
