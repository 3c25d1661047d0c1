"""The answer: an amount with its uncertainty and its report, by `recommend` from data, by `judge` from networks."""

from ._judge import judge as judge
from ._plots import plot as plot
from ._recommend import recommend as recommend
from ._records import Advice as Advice
from ._records import Copies as Copies
from ._records import Curve as Curve
from ._records import Networks as Networks
from ._records import Tested as Tested

__all__ = [
    "Advice",
    "Copies",
    "Curve",
    "Networks",
    "Tested",
    "judge",
    "plot",
    "recommend",
]
