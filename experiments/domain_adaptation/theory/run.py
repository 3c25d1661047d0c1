"""Is `group_risk` right for three groups, are its best weights, and does the bound order shares as it says?"""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from experiments import _rows

from . import bound, risk
from .config import PRESETS
from .picture import picture

RESULTS = Path(__file__).parents[1] / "results" / "theory"


def run(preset: str, out: Path | None = None, fresh: bool = False, data_dir=None) -> dict:
    """Make the results of a preset and their picture; earlier ones of the same settings are kept.

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
    if _rows.earlier(out, head, "study", fresh):
        return json.loads((out / "results.json").read_text())
    start = time.perf_counter()
    three = risk.rows(study.risk, study.seed)
    two = bound.rows(study.bound, study.seed)
    result = {
        **head,
        "seconds": round(time.perf_counter() - start),
        "summary": {
            "group_risk": risk.summary(three),
            "adaptation_bound": bound.summary(study.bound, two, study.seed),
        },
        "rows": rounded([*three, *two]),
    }
    _rows.save(out, result)
    picture(study, result["rows"], out / "picture.png")
    return result


def rounded(value):
    """Numbers to four digits: rows are kept for the picture and for a second look."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
