"""The answer: `recommend` turns two data sets into an amount with its uncertainty, and reports it."""

from ._plots import plot as plot
from ._recommend import recommend as recommend
from ._records import Advice as Advice
from ._records import Copies as Copies
from ._records import Curve as Curve

__all__ = ["Advice", "Copies", "Curve", "plot", "recommend"]
