"""The run that several processes share is a module beside its tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
