"""The scaling law of learning from real and surrogate (synthetic) data, fitted to runs.

    R = R* + a^2 Rs + (a^2 (B m^-b)^(1/b) + (1 - a)^2 (A n^-b)^(1/b))^b

From memory of Eq. 4 of [jain2024]; its limits are tested: real data alone (a = 0) R* + A n^-b, synthetic data
alone (a = 1) R* + Rs + B m^-b. A law is a description: it holds between the runs it was fitted to, less so beyond,
and where the runs leave a parameter open its `conditional` says so.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np

from synthmix_jax import _numerics
from synthmix_jax._typing import Array, Key, Numbers

from . import _arguments, _identified, _law_fit, _law_formula, _law_plans, _runs
from ._law_formula import Parameters
from ._law_plans import Split


@dataclass(frozen=True, eq=False)
class SurrogateLaw:
    """Error as a function of n, m and the synthetic share of the loss; `fit` finds it from runs.

    Attributes:
        irreducible_error: R*, in the unit of the error; zero or more.
        real_scale: A, excess error of one real point.
        synthetic_scale: B, the same of one synthetic point, beyond the floor.
        exponent: b, at which both fall with their count.
        synthetic_floor: Rs, excess error of unlimited synthetic data alone; zero or more.
        scatter: Standard deviation of log(measured) - log(law) over the runs, from its median: a few wild runs
            do not change it.
        n_range: Least and largest number of real points in the runs.
        m_range: Least and largest number of synthetic points in the runs.
        conditional: Names of the parameters that the runs do not identify; what rests on them is conditional.
        warnings: Why, and what else a reader should know.
        resamples: Parameters of bootstrap fits, (b, 5), A and B as logarithms; empty without a key.
    """

    irreducible_error: float
    real_scale: float
    synthetic_scale: float
    exponent: float
    synthetic_floor: float
    scatter: float = 0.0
    n_range: tuple[float, float] = (0.0, np.inf)
    m_range: tuple[float, float] = (0.0, np.inf)
    conditional: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    resamples: np.ndarray = field(default_factory=lambda: np.empty((0, 5)), repr=False)

    def __post_init__(self) -> None:
        for name in ("real_scale", "synthetic_scale", "exponent"):
            _arguments.positive(name, getattr(self, name))
        for name in ("irreducible_error", "synthetic_floor"):
            _arguments.not_negative(name, getattr(self, name))

    @classmethod
    def fit(
        cls,
        n: Numbers,
        m: Numbers,
        share: Numbers,
        error: Numbers,
        *,
        standard_error: Numbers | None = None,
        irreducible_error: float | int | None = None,
        exponent: float | int | None = None,
        key: Key | None = None,
        num_bootstrap: int = 200,
    ) -> "SurrogateLaw":
        """Fit the law to runs: robust least squares on log errors, from many starts.

        Args:
            n: Real points of each run (r,); may be zero where the share is 1.
            m: Synthetic points of each run (r,); may be zero where the share is 0.
            share: Part of the loss that was synthetic (r,), in [0, 1]; `smx.mixing.share` has it from a weight.
            error: Measured error of each run (r,), positive.
            standard_error: Of each error (r,), in its unit; only their ratios matter. None: all alike in percent.
            irreducible_error: R* where it is known (0 for misclassification without label noise); None to fit it.
            exponent: b where it is known; None to fit it, within 0.05 to 2.
            key: PRNG key of the bootstrap behind `interval`; None for a law without intervals.
            num_bootstrap: Bootstrap fits, to residuals that are drawn anew.

        Returns:
            The law; its `warnings` are issued too.

        Raises:
            ValueError: arrays of different lengths, values out of range, or too few different settings.
        """
        runs = _runs.read(n, m, share, error, standard_error)
        for name, value in (("irreducible_error", irreducible_error), ("exponent", exponent)):
            if value is not None:
                (_arguments.positive if name == "exponent" else _arguments.not_negative)(
                    name, value
                )
        if irreducible_error is not None and not irreducible_error < runs.error.max():
            raise ValueError(
                f"irreducible_error {irreducible_error:g} is not below the largest error of the runs, "
                f"{runs.error.max():g}. Give it in the unit of the errors, or None to fit it."
            )
        _identified.check(runs, irreducible_error, exponent)
        # The law is homogeneous in R*, A, B, Rs and the error: fitted in units of the median error.
        unit = float(np.median(runs.error))
        runs = runs._replace(error=runs.error / unit)
        known = None if irreducible_error is None else irreducible_error / unit
        found = _law_fit.fit(runs, known, exponent)
        names, said = _identified.remarks(runs, found, irreducible_error, exponent)
        for sentence in said:
            warnings.warn(sentence, UserWarning, stacklevel=2)
        resamples = np.empty((0, 5))
        if key is not None:
            _arguments.above("num_bootstrap", num_bootstrap, 1.0, "An interval needs several fits.")
            generator = _numerics.host_generator(key)
            resamples = _law_fit.bootstrap(runs, found, num_bootstrap, generator)
        R, log_A, log_B, b, Rs = found.theta.tolist()
        resamples = resamples * [unit, 1.0, 1.0, 1.0, unit]
        resamples += [0.0, np.log(unit), np.log(unit), 0.0, 0.0]
        return cls(
            irreducible_error=R * unit,
            real_scale=float(np.exp(log_A)) * unit,
            synthetic_scale=float(np.exp(log_B)) * unit,
            exponent=b,
            synthetic_floor=Rs * unit,
            scatter=found.scatter,
            n_range=_runs.span(runs.n[runs.share < 1]),
            m_range=_runs.span(runs.m[runs.share > 0]),
            conditional=names,
            warnings=said,
            resamples=resamples,
        )

    def predict(self, n: Numbers, m: Numbers | None, share: Numbers) -> Array:
        """The error that the law predicts; broadcasts, and works under jit, vmap and grad.

        Args:
            n: Real points; zero is allowed where the share is 1.
            m: Synthetic points; zero is allowed where the share is 0, None and infinity are unlimited many.
            share: Part of the loss that is synthetic, in [0, 1].

        Raises:
            ValueError: a value out of its range.
        """
        m = np.inf if m is None else m
        _runs.check_settings(n, m, share)
        return _arguments.evaluate(_law_formula.error, self._parameters, n, m, share)

    def optimal_share(self, n: Numbers, m: Numbers | None = None) -> Array:
        """The share of least predicted error when the weight of synthetic points is free; broadcasts.

        Above 0, though it may round to it: the first bit of weight always pays by this law. At b = 1 it is
        Rr/(Rr + Rs(m)), the excess error of real data alone over the sum of both.

        Raises:
            ValueError: a count that is not positive.
        """
        counts = self._counts(n, m)
        return _arguments.evaluate(_law_formula.best_share, self._parameters, *counts)

    def optimal_count(self, n: float | int, *, largest: int) -> int:
        """The number of synthetic points in 0..largest of least predicted error, each at weight one.

        At weight one the share is m/(n + m), and too many points may hurt. With free weights more never do: take
        all, at the weight of `optimal_share`.

        Raises:
            ValueError: n not positive, or largest negative.
        """
        _arguments.real_count(n)
        _arguments.not_negative("largest", largest, "It is a number of synthetic points.")
        return _law_plans.best_count(self._parameters, float(n), int(largest))

    def split(
        self, budget: float | int, *, synthetic_cost: float | int, real_cost: float | int = 1.0
    ) -> Split:
        """How many real and synthetic points to pay for, and at what share, for the least predicted error.

        Args:
            budget: What may be spent.
            synthetic_cost: Of one synthetic point, in the unit of the budget.
            real_cost: Of one real point.

        Raises:
            ValueError: an amount that is not positive, or a budget that buys nothing.
        """
        amounts = {"budget": budget, "synthetic_cost": synthetic_cost, "real_cost": real_cost}
        for name, value in amounts.items():
            _arguments.positive(name, value)
        return _law_plans.best_split(
            self._parameters, float(budget), float(real_cost), float(synthetic_cost)
        )

    def interval(
        self, n: Numbers, m: Numbers | None, share: Numbers, *, level: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap interval of `predict`, for the law's own value; a new run scatters around that by `scatter`.

        Raises:
            ValueError: fitted without a key, or a value out of its range.
        """
        m = np.inf if m is None else m
        _runs.check_settings(n, m, share)
        settings = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in (n, m, share)))
        return self._quantiles(_law_formula.error, settings, level)

    def optimal_share_interval(
        self, n: Numbers, m: Numbers | None = None, *, level: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bootstrap interval of `optimal_share`.

        Raises:
            ValueError: fitted without a key, or a count that is not positive.
        """
        counts = np.broadcast_arrays(*map(np.asarray, self._counts(n, m)))
        return self._quantiles(_law_formula.best_share, counts, level)

    def parameter_intervals(self, *, level: float = 0.9) -> dict[str, tuple[float, float]]:
        """Bootstrap intervals of the five parameters, by name.

        Raises:
            ValueError: fitted without a key.
        """
        low, high = self._ends(self._rows(), level)
        low[1:3], high[1:3] = np.exp(low[1:3]), np.exp(high[1:3])
        names = (
            "irreducible_error",
            "real_scale",
            "synthetic_scale",
            "exponent",
            "synthetic_floor",
        )
        return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))

    @property
    def _parameters(self) -> Parameters:
        log_real, log_synthetic = np.log(self.real_scale), np.log(self.synthetic_scale)
        return Parameters(
            self.irreducible_error, log_real, log_synthetic, self.exponent, self.synthetic_floor
        )

    def _counts(self, n: Numbers, m: Numbers | None):
        _arguments.real_count(n)
        _arguments.synthetic_count(m)
        return n, np.inf if m is None else m

    def _rows(self) -> np.ndarray:
        if not len(self.resamples):
            raise ValueError(
                "this law has no intervals, for it was fitted without a key. "
                "Give SurrogateLaw.fit(..., key=jax.random.key(0))."
            )
        return self.resamples

    def _quantiles(self, function, settings, level) -> tuple[np.ndarray, np.ndarray]:
        rows = self._rows()
        shaped = rows.reshape(len(rows), *(1,) * settings[0].ndim, 5)
        theta = _law_formula.as_parameters(shaped)
        return self._ends(_arguments.evaluate(function, theta, *settings), level)

    def _ends(self, values: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        if not 0 < level < 1:
            raise ValueError(f"level must lie strictly between 0 and 1, got {level}. Try 0.9.")
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return np.asarray(low), np.asarray(high)
