"""Least squares for the scaling law: bounded, robust, from many starts, all in one batch.

Residuals are differences of log errors: what a run scatters is a part of its error. Logs of the *excess* error - R*
are no scale to fit R* on: a smaller R* brings all of them nearer to each other, which shrinks the residuals
whatever the runs say.

Far residuals count less: r^2/2 becomes s^2 (sqrt(1 + (r/s)^2) - 1), with s from the median residual of a first fit
(soft L1; classical). The solver is that of Levenberg and Marquardt, with bounds kept by projection: a parameter
that its gradient presses against a bound stays there for the step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthmix_jax import _numerics

from . import _arguments, _law_formula
from ._runs import Runs

EXPONENTS = (0.05, 2.0)
_STEPS = 60
_FIRST_SCALE, _LEAST_SCALE = 0.1, 1e-3
# Median of |r| in standard deviations of a normal r; of those 1.345 keep 95 % of the efficiency (Huber).
_MEDIAN, _HUBER = 0.6745, 1.345
# Where the search starts: exponents, R* as a part of the least error, Rs as a part of the least synthetic excess.
_START_EXPONENTS, _START_IRREDUCIBLE, _START_FLOOR = (0.2, 0.5, 1.0), (0.02, 0.5, 0.9), (0.1, 0.7)


class Fit(NamedTuple):
    """Parameters (5,) with their bounds (5,), residuals of log errors (r,), and the scale s."""

    theta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    residuals: np.ndarray
    scale: float

    @property
    def free(self) -> int:
        """How many parameters were fitted."""
        return int((self.low < self.high).sum())

    @property
    def scatter(self) -> float:
        """Standard deviation of the residuals, from their median."""
        return _deviation(self.residuals, self.free)


def fit(runs: Runs, irreducible: float | None, exponent: float | None) -> Fit:
    """The point estimate; R* and b are kept at what is given."""
    low, high = _limits(runs, irreducible, exponent)
    starts = np.clip(_starts(runs), low, high)
    [theta] = _solve(runs, runs.error[None], starts, low, high, _FIRST_SCALE)
    free = int((low < high).sum())
    scale = _scale(runs, theta, free)
    # Again with that scale, from where the first pass ended as well; as many starts: one compilation.
    starts = np.concatenate([theta[None], starts[:-1]])
    [theta] = _solve(runs, runs.error[None], starts, low, high, scale)
    return Fit(theta, low, high, _residuals(runs, theta), _scale(runs, theta, free))


def bootstrap(runs: Runs, found: Fit, count: int, generator: np.random.Generator) -> np.ndarray:
    """Parameters (count, 5) of fits to the law with residuals drawn anew.

    Whole runs are not drawn: a sample without its few runs of one kind says nothing about the law. Residuals
    are brought to one spread and raised by what the fit of p parameters took, sqrt(r/(r - p)).
    """
    standard = found.residuals / runs.spread
    size = len(standard)
    standard = (standard - standard.mean()) * np.sqrt(size / max(size - found.free, 1))
    drawn = standard[generator.integers(size, size=(count, size))] * runs.spread
    errors = _predicted(runs, found.theta) * np.exp(drawn)
    theta = found.theta
    starts = [theta]
    for exponent in (0.6 * theta[3], 1.6 * theta[3]):
        changed = theta.copy()
        # The same errors at the middle of the runs, by another exponent.
        middle = [np.median(np.log(count[count > 0])) for count in (runs.n, runs.m)]
        changed[1:3] += (exponent - theta[3]) * np.array(middle)
        changed[3] = exponent
        starts.append(changed)
    starts = np.clip(np.stack(starts), found.low, found.high)
    return _solve(runs, errors, starts, found.low, found.high, found.scale)


def _residuals(runs: Runs, theta: np.ndarray) -> np.ndarray:
    return np.log(runs.error) - np.log(_predicted(runs, theta))


def _scale(runs: Runs, theta: np.ndarray, free: int) -> float:
    """Where the loss turns linear."""
    standard = _residuals(runs, theta) / runs.spread
    return max(_HUBER * _deviation(standard, free), _LEAST_SCALE)


def _deviation(residuals: np.ndarray, free: int) -> float:
    """Standard deviation from the median, without as many residuals as a fit can bring to zero."""
    largest = np.sort(np.abs(residuals))[min(free, len(residuals) - 1) :]
    return float(np.median(largest)) / _MEDIAN


def _predicted(runs: Runs, theta: np.ndarray) -> np.ndarray:
    parameters = _law_formula.as_parameters(theta)
    return _arguments.evaluate(_law_formula.error, parameters, runs.n, runs.m, runs.share)


def _limits(
    runs: Runs, irreducible: float | None, exponent: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of the parameters; equal where one is given."""
    top = float(runs.error.max())
    # One wild run must not move the bounds of the scales: they start from the median.
    middle = np.log(np.median(runs.error))
    around = middle + EXPONENTS[1] * np.log(max(runs.n.max(), runs.m.max()))
    low = np.array([0.0, middle - 30.0, middle - 30.0, EXPONENTS[0], 0.0])
    high = np.array([top, around + 10.0, around + 10.0, EXPONENTS[1], 100.0 * top])
    for place, value in ((0, irreducible), (3, exponent)):
        if value is not None:
            low[place] = high[place] = value
    return low, high


def _starts(runs: Runs) -> np.ndarray:
    """A grid (s, 5) over exponents, R* and Rs; A and B such that the law meets the runs of each kind halfway."""
    real, synthetic = (
        np.abs(runs.share - end) <= np.abs(runs.share - end).min() for end in (0.0, 1.0)
    )
    rows = []
    for exponent in _START_EXPONENTS:
        for part in _START_IRREDUCIBLE:
            irreducible = part * runs.error.min()
            excess = runs.error - irreducible
            log_real = np.median(
                np.log(excess[real]) + exponent * np.log(np.maximum(runs.n[real], 1))
            )
            for floor in _START_FLOOR:
                Rs = floor * excess[synthetic].min()
                rest = np.log(excess[synthetic] - Rs)
                scaled = rest + exponent * np.log(np.maximum(runs.m[synthetic], 1))
                rows.append([irreducible, log_real, np.median(scaled), exponent, Rs])
    return np.array(rows)


def _solve(
    runs: Runs,
    errors: np.ndarray,
    starts: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    scale: float,
) -> np.ndarray:
    """The best over starts (s, 5) for each row of errors (b, r): (b, 5)."""
    # Filled up with runs of no weight, so that few sizes are ever compiled.
    size = len(runs.n)
    more = 16 * -(-size // 16) - size
    fill = lambda values, value: np.concatenate([values, np.full(more, value)])
    arrays = [fill(part, 0.5) for part in (runs.n, runs.m, runs.share)]
    arrays.append(fill(runs.spread, np.inf))
    targets = np.log(np.concatenate([errors, np.ones((len(errors), more))], axis=1))
    with _numerics.x64():
        theta, cost = map(np.asarray, _descend(targets, starts, arrays, low, high, scale))
    best = np.argmin(cost, axis=1)
    return theta[np.arange(len(best)), best]


@jax.jit
def _descend(targets, starts, arrays, low, high, scale):
    """Levenberg-Marquardt from every start for every target: parameters (b, s, 5) and costs (b, s)."""
    n, m, share, spread = arrays

    def residual(theta, target):
        law = _law_formula.error(_law_formula.as_parameters(theta), n, m, share)
        return (target - jnp.log(law)) / spread

    def cost(theta, target):
        return scale**2 * jnp.sum(jnp.sqrt(1 + (residual(theta, target) / scale) ** 2) - 1)

    def step(_, state, target):
        theta, damping, now = state
        r = residual(theta, target)
        J = jax.jacfwd(residual)(theta, target)
        weight = 1 / jnp.sqrt(1 + (r / scale) ** 2)
        gradient = J.T @ (weight * r)
        held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
        J = jnp.where(held, 0.0, J)
        H = J.T @ (weight[:, None] * J)
        diagonal = jnp.diagonal(H)
        lift = damping * diagonal + 1e-12 * jnp.max(diagonal) + held
        move = jnp.linalg.solve(H + jnp.diag(lift), jnp.where(held, 0.0, gradient))
        new = jnp.clip(theta - move, low, high)
        then = cost(new, target)
        better = then < now
        damping = jnp.clip(jnp.where(better, damping / 4, damping * 6), 1e-10, 1e10)
        return jnp.where(better, new, theta), damping, jnp.where(better, then, now)

    def one(target, start):
        state = (start, jnp.asarray(1e-2), cost(start, target))
        theta, _, least = jax.lax.fori_loop(0, _STEPS, lambda i, s: step(i, s, target), state)
        return theta, jnp.where(jnp.isfinite(least), least, jnp.inf)

    each_start = jax.vmap(one, in_axes=(None, 0))
    return jax.vmap(each_start, in_axes=(0, None))(targets, starts)
