"""The cases that run in processes of their own, on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # mesh_cases, approximate_run
