"""What the choice by labelled target images costs against hindsight, and whether distances order optima."""

from collections.abc import Iterator

import numpy as np

from experiments.ms_mri.intervals import interval

from .rows import groups


def choices(rows: list[dict]) -> Iterator[dict]:
    """Each cell: source and labelled images, alone and with synthetic ones, everything chosen by leave-one-out.

    *Regret* is what a repetition's choice costs on the test images against the least of its own grid there, in % of
    that least. The least of a noisy grid is too low, so that the regret is, if anything, too high. The grid begins
    with no synthetic images at all.
    """
    for what, mine in groups(rows, "labels"):
        found = [chosen(row) for row in mine]
        column = lambda name, found=found: np.array([one[name] for one in found])
        yield {
            **what,
            "seeds": len(mine),
            "labels alone": interval([row["labels alone"]["wrong"] for row in mine]),
            "source + labels": interval(column("without")),
            "chosen": interval(column("wrong")),
            "chosen less source + labels": interval(column("wrong") - column("without")),
            "hindsight": interval(column("least wrong")),
            "regret, squared error, %": interval(column("regret")),
            "regret, misclassified, %": interval(column("regret wrong")),
            "regret, points": interval(column("wrong") - column("least wrong")),
            "label weights": column("label weight").tolist(),
            "weights": column("weight").tolist(),
            "counts": column("count").tolist(),
        }


def chosen(row: dict) -> dict:
    """The cell of least leave-one-out squared error, and what it costs."""
    left_out, squared, wrong = (np.array(row[k]) for k in ("left out squared", "squared", "wrong"))
    place = np.unravel_index(left_out.argmin(), left_out.shape)
    # Without synthetic images their weight has no part; the weight of the labels is chosen all the same.
    alone = (left_out[:, 0, 0].argmin(), 0, 0)
    return {
        "without": wrong[alone],
        "wrong": wrong[place],
        "least wrong": wrong.min(),
        "regret": 100 * (squared[place] / squared.min() - 1),
        "regret wrong": 100 * (wrong[place] / wrong.min() - 1),
        "label weight": row["label weights"][place[0]],
        "weight": row["weights"][place[1]],
        "count": row["counts"][place[2]],
    }


def ranks(rows: list[dict], n: int = 300) -> list[dict]:
    """Over the generators of a direction, seed by seed: rank correlation of W(T', T) with what is best.

    The bound says that a farther imitation has a lower best share. Best is read off the test images: the weight of
    least squared error with the whole pool, and the least error in % over weights and counts.
    """
    records = []
    curves = {
        (r["direction"], r["generator"], r["seed"]): r
        for r in rows
        if r["kind"] == "curves" and r["n"] == n
    }
    far = {
        (r["direction"], r["generator"], r["seed"]): r["synthetic"]
        for r in rows
        if r["kind"] == "distances" and "synthetic" in r
    }
    for direction in dict.fromkeys(key[0] for key in curves):
        names = dict.fromkeys(key[1] for key in curves if key[0] == direction)
        both = far.keys() & curves.keys()
        seeds = sorted({key[2] for key in both})
        seeds = [s for s in seeds if all((direction, g, s) in both for g in names)]
        if len(names) < 4 or not seeds:
            continue
        for metric in ("inputs", "labelled"):
            found = {"best weight": [], "least error": []}
            for seed in seeds:
                mine = [curves[direction, g, seed] for g in names]
                away = [far[direction, g, seed][metric] for g in names]
                best = [r["weights"][int(np.array(r["squared"])[:, -1].argmin())] for r in mine]
                least = [np.array(r["wrong"]).min() for r in mine]
                found["best weight"].append(rank(away, best))
                found["least error"].append(rank(away, least))
            for name, values in found.items():
                record = {"direction": direction, "distance": metric, "with": name}
                records.append({**record, "generators": len(names), **interval(np.array(values))})
    return records


def rank(x: list[float], y: list[float]) -> float:
    """Spearman's correlation, with ties; NaN where one side does not vary."""
    from scipy import stats

    if len(set(x)) < 2 or len(set(y)) < 2:
        return float("nan")
    return float(stats.spearmanr(x, y).statistic)
