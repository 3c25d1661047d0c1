"""Is `group_risk` right for three groups, are its best weights, and does the bound order shares as it says?"""

import json
import os
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

from experiments import _rows

from . import bound, risk
from .config import PRESETS
from .picture import picture

RESULTS = Path(__file__).parents[1] / "results" / "theory"


def run(preset: str, out: Path | None = None, fresh: bool = False, data_dir=None) -> dict:
    """Make the results of a preset and their picture; an interrupted run goes on where it stopped.

    Args:
        preset: "quick", "cpu" or "gpu" (the same as "cpu": the matrices are small).
        out: Folder of the results; that of the repository if None.
        fresh: Whether earlier results are to be replaced.
        data_dir: Not used: nothing is read.

    Raises:
        SystemExit: the folder holds results of other settings.
    """
    del data_dir
    out = out or RESULTS
    study = PRESETS[preset]
    head = {
        "command": f"python -m experiments.domain_adaptation.theory --preset {preset}",
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "study": json.loads(json.dumps(asdict(study))),
    }
    rows = _rows.earlier(out, head, "study", fresh)
    units = [partial(risk.rows, study.risk, study.seed, p) for p in range(study.risk.problems)]
    units += [partial(bound.rows, study.bound, study.seed, kind) for kind in study.bound.kinds]
    done = {row["unit"] for row in rows}
    for place, unit in enumerate(units):
        if place in done:
            continue
        start = time.perf_counter()
        made = [{"unit": place, **rounded(row)} for row in unit()]
        made[0]["seconds"] = round(time.perf_counter() - start, 1)
        rows += made
        _rows.save(out, {**head, "rows": rows})
        print(f"{place + 1} of {len(units)}: {made[0]['seconds']} s", file=sys.stderr)
    result = {
        **head,
        "seconds": round(sum(row.get("seconds", 0.0) for row in rows)),
        "summary": {
            "group_risk": risk.summary([row for row in rows if "problem" in row]),
            "adaptation_bound": bound.summary(
                study.bound, [row for row in rows if "kind" in row], study.seed
            ),
        },
        "rows": rows,
    }
    _rows.save(out, result)
    picture(rows, out / "picture.png")
    return result


def rounded(value):
    """Numbers to four digits: rows are kept for the picture and for a second look."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
