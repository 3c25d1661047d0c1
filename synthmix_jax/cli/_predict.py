"""`synthmix predict`: a scaling law from a table of runs, and the share it recommends for other amounts of data."""

import dataclasses
import math
import sys
import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import jax
from tyro.conf import OmitArgPrefixes, Positional, arg

from synthmix_jax import _atomic, mixing
from synthmix_jax.advice import _json

from . import _law_plots, _predict_text, _run_table
from ._options import Common

if TYPE_CHECKING:
    from synthmix_jax.theory import Split, SurrogateLaw
else:
    SurrogateLaw = Split = Any

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the law says of one amount of data; intervals are (low, high).

    Attributes:
        n: Real points.
        m: Synthetic points.
        share: Best part of the loss that is synthetic, and its interval.
        weight: Weight of one synthetic point that gives that share; None for a share of 1.
        error: Predicted there, with its interval.
        real_only: Predicted from the real points alone.
        synthetic_only: Predicted from the synthetic points alone.
        weight_one: Predicted with all synthetic points at weight one.
        count: Best number of synthetic points, up to m, at weight one.
        beyond: What lies outside the runs, as sentences.
    """

    n: int
    m: int
    share: float
    share_interval: tuple[float, float]
    weight: float | None
    error: float
    error_interval: tuple[float, float]
    real_only: float
    synthetic_only: float
    weight_one: float
    count: int
    beyond: tuple[str, ...]


@dataclass(frozen=True)
class Predict:
    """Fit a scaling law to a table of runs, and recommend the share of synthetic data for other amounts.

    RUNS: a CSV file with columns n, m, share (or weight), error[, standard_error], one run a line: numbers of real
    and synthetic points, the part of the loss that was synthetic (or what one synthetic point weighed), test error.

    Attributes:
        runs: The table of runs.
        n: Real points to predict at; default the most of the runs.
        m: Synthetic points to predict at; default the most of the runs.
        budget: What may be spent on points, where one real point costs 1; needs --synthetic-cost.
        synthetic_cost: What one synthetic point costs, where one real point costs 1.
        irreducible_error: Error that no amount of data removes, where it is known; default fitted.
        exponent: Exponent of the law, where it is known; default fitted.
        num_bootstrap: Fits behind the intervals.
        level: Level of the intervals.
        common: Options of every command.
    """

    runs: Annotated[Positional[Path | None], arg(metavar="RUNS")] = None
    n: Annotated[int | None, arg(metavar="INT")] = None
    m: Annotated[int | None, arg(metavar="INT")] = None
    budget: Annotated[float | None, arg(metavar="FLOAT")] = None
    synthetic_cost: Annotated[float | None, arg(metavar="FLOAT")] = None
    irreducible_error: Annotated[float | None, arg(metavar="FLOAT")] = None
    exponent: Annotated[float | None, arg(metavar="FLOAT")] = None
    num_bootstrap: int = 200
    level: float = 0.9
    common: OmitArgPrefixes[Common] = field(default_factory=Common)

    def run(self) -> None:
        """Read, fit, predict, show, save."""
        self.common.check()
        path = self._check()
        table = _run_table.read(path)
        law = self._fit(table)
        there = self._predict(law)
        split = None
        if self.budget is not None and self.synthetic_cost is not None:
            split = law.split(self.budget, synthetic_cost=self.synthetic_cost)
        numbers = _json.dumps(self._content(law, there, split, len(table.error)))
        if self.common.out is not None:
            picture = _law_plots.png(law, table, there, self.level)
            _atomic.write(self.common.out / "predict.json", partial(_put, numbers.encode("ascii")))
            _atomic.write(self.common.out / "predict.png", partial(_put, picture))
        if self.common.json:
            sys.stdout.write(numbers)
        else:
            _predict_text.show(law, there, split, self.level, self.common.out)

    def _check(self) -> Path:
        """Refuse what is wrong whatever the file holds."""
        if self.runs is None:
            raise ValueError(
                "no runs were given; predict takes RUNS, a CSV file with columns n, m, share, error."
            )
        if (self.budget is None) != (self.synthetic_cost is None):
            raise ValueError(
                "--budget and --synthetic-cost go together: both are in units of what one real point costs."
            )
        for name in ("n", "m"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name} must be at least 1, got {value}.")
        if not 0 < self.level < 1:
            raise ValueError(f"--level must lie strictly between 0 and 1, got {self.level:g}.")
        return self.runs

    def _fit(self, table: _run_table.RunTable) -> SurrogateLaw:
        from synthmix_jax.theory import SurrogateLaw

        with warnings.catch_warnings():
            # The answer shows them.
            warnings.simplefilter("ignore", UserWarning)
            return SurrogateLaw.fit(
                table.n,
                table.m,
                table.share,
                table.error,
                standard_error=table.standard_error,
                irreducible_error=self.irreducible_error,
                exponent=self.exponent,
                key=jax.random.key(self.common.seed),
                num_bootstrap=self.num_bootstrap,
            )

    def _predict(self, law: SurrogateLaw) -> Prediction:
        n = int(law.n_range[1]) if self.n is None else self.n
        m = int(law.m_range[1]) if self.m is None else self.m
        share = float(law.optimal_share(n, m))
        pooled = mixing.share(n, m)
        errors = [float(law.predict(n, m, at)) for at in (share, 0.0, 1.0, pooled)]
        return Prediction(
            n=n,
            m=m,
            share=share,
            share_interval=_pair(law.optimal_share_interval(n, m, level=self.level)),
            weight=mixing.weight_for_share(n, m, share) if share < 1 else None,
            error=errors[0],
            error_interval=_pair(law.interval(n, m, share, level=self.level)),
            real_only=errors[1],
            synthetic_only=errors[2],
            weight_one=errors[3],
            count=law.optimal_count(n, largest=m),
            beyond=tuple(_beyond(law, n, m)),
        )

    def _content(
        self, law: SurrogateLaw, there: Prediction, split: Split | None, num_runs: int
    ) -> dict[str, Any]:
        """What predict.json holds."""
        parameters = law.parameter_intervals(level=self.level)
        command = {name: getattr(self, name) for name in ("num_bootstrap", "level", "budget")}
        command |= {"synthetic_cost": self.synthetic_cost, "exponent": self.exponent}
        command |= {"irreducible_error": self.irreducible_error, "seed": self.common.seed}
        return {
            "format": FORMAT,
            "summary": _predict_text.summary(law, there),
            "law": {
                name: {"value": getattr(law, name), "interval": interval}
                for name, interval in parameters.items()
            },
            "scatter": law.scatter,
            "conditional": law.conditional,
            "warnings": (*law.warnings, *there.beyond),
            "num_runs": num_runs,
            "n_range": law.n_range,
            "m_range": law.m_range,
            "prediction": dataclasses.asdict(there),
            "split": None if split is None else split._asdict(),
            "settings": {"command": "predict", "file": str(self.runs), **command},
        }


def _beyond(law: SurrogateLaw, n: int, m: int):
    """Where the prediction leaves the runs behind."""
    for name, value, (low, high) in (("real", n, law.n_range), ("synthetic", m, law.m_range)):
        if not low <= value <= high:
            yield (
                f"{value:,d} {name} points lie outside the runs ({low:,.0f} to {high:,.0f}): there the law "
                "is extrapolated, and the intervals hold only as far as it does."
            )


def _pair(ends: tuple[Any, Any]) -> tuple[float, float]:
    low, high = (float(end) for end in ends)
    assert math.isfinite(low + high)
    return low, high


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
