"""The answer: `recommend` turns two data sets into an amount with its uncertainty, and reports it."""

from typing import Any

from ._evidence import Recipe as Recipe
from ._recommend import recommend as recommend
from ._records import Advice as Advice
from ._records import Copies as Copies
from ._records import Curve as Curve

__all__ = ["Advice", "Copies", "Curve", "Recipe", "plot", "recommend"]


def __getattr__(name: str) -> Any:
    """`plot` loads matplotlib, so it waits until it is asked for."""
    if name == "plot":
        from ._plots import plot

        return plot
    raise AttributeError(f"module 'synthmix_jax.advice' has no attribute {name!r}")
