"""Networks trained on many ratios of synthetic to real data at once.

`sweep` trains a population, ratios by seeds, in one compiled program; `fit` is the population of one.
"""

from ._config import Config as Config
from ._config import Seeds as Seeds
from ._fit import Fit as Fit
from ._fit import fit as fit
from ._predictor import Predictor as Predictor
from ._result import History as History
from ._result import Result as Result
from ._run import Stopped as Stopped
from ._sweep import sweep as sweep

__all__ = ["Config", "Fit", "History", "Predictor", "Result", "Seeds", "Stopped", "fit", "sweep"]
