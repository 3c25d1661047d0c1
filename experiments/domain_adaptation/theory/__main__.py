"""`python -m experiments.domain_adaptation.theory`."""

import argparse
import json
from pathlib import Path

from .config import PRESETS
from .run import RESULTS, run

parser = argparse.ArgumentParser(description="Formulas for domain adaptation beside measurement.")
parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
parser.add_argument("--out", type=Path, default=RESULTS)
parser.add_argument("--fresh", action="store_true", help="replace earlier results")
arguments = parser.parse_args()
print(json.dumps(run(arguments.preset, arguments.out, arguments.fresh)["summary"], indent=1))
