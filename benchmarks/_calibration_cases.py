"""What the calibration runs on: problems with a known truth, and sources of synthetic points for them."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import synthmix_jax as smx


@dataclass(frozen=True)
class Problem:
    """A law of the inputs, a truth and a noise; `bias` is the size of a moderate error of a generator."""

    d: int
    law: str
    noise: float
    bias: float

    def inputs(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Inputs (count, d)."""
        shape = (count, self.d)
        return rng.uniform(-1, 1, shape) if self.law == "uniform" else rng.normal(size=shape)

    def truth(self, x: np.ndarray) -> np.ndarray:
        """The regression function f*."""
        if self.d == 1:
            return np.sin(7 * x[:, 0]) + 0.5 * np.cos(3 * x[:, 0])
        return np.sin(1.5 * x[:, 0]) + np.cos(1.2 * x[:, 1]) + 0.4 * x[:, 0] * x[:, 2]

    def error_of_generator(self, x: np.ndarray) -> np.ndarray:
        """A smooth function of mean square near one: the generator's regression function less f*."""
        return np.sqrt(2) * np.cos(1.5 * x[:, 0] + x[:, -1] + 0.5)


@dataclass(frozen=True)
class Source:
    """Where synthetic points come from.

    `bias` and `noise` are in units of the problem's. `kind` is "fresh" (points of the law), "copies" (jittered
    real points) or "smoother" (a Nadaraya-Watson fit to the real points, inputs of a smoothed bootstrap). A
    cross-fitted source is handed over as a callable with fitted_on="real", the others as samples.
    """

    name: str
    bias: float = 0.0
    noise: float = 1.0
    kind: str = "fresh"
    cross_fitted: bool = False


PROBLEMS = (Problem(1, "uniform", 0.4, 0.3), Problem(3, "Gaussian", 0.4, 0.35))
SOURCES = (
    Source("perfect"),
    Source("smooth bias", bias=1.0),
    Source("strong bias", bias=4.0),
    Source("noisy", noise=3.0),
    Source("leaky copies", kind="copies"),
    Source("leaky copies, cross-fitted", kind="copies", cross_fitted=True),
    Source("leaky smoother", kind="smoother"),
    Source("leaky smoother, cross-fitted", kind="smoother", cross_fitted=True),
)


def recipe_of(source: Source, problem: Problem, count: int, seed: tuple) -> Callable:
    """Real points -> pool; a function of its argument alone, as cross-fitting needs."""

    def recipe(real: smx.Dataset) -> smx.Dataset:
        stamp = zlib.crc32(np.asarray(real.x).tobytes()) if source.kind != "fresh" else 0
        rng = np.random.default_rng([*seed, stamp, 2])
        if source.kind == "fresh":
            bias, noise = source.bias * problem.bias, source.noise * problem.noise
            return fresh(problem, count, bias, noise, rng)
        return (_copies if source.kind == "copies" else _smoother)(real, problem, count, rng)

    return recipe


def fresh(problem: Problem, count: int, bias: float, noise: float, rng) -> smx.Dataset:
    """Points of the problem's law; `bias` scales the error of the generator, `noise` is the noise's spread."""
    x = problem.inputs(count, rng)
    y = problem.truth(x) + bias * problem.error_of_generator(x) + noise * rng.normal(size=count)
    return smx.Dataset(x, y)


def _copies(real: smx.Dataset, problem: Problem, count: int, rng) -> smx.Dataset:
    """Real points drawn again, inputs and targets jittered by a few hundredths."""
    drawn = np.arange(count) % len(real)
    x = real.x[drawn] + 0.05 * real.x.std(axis=0) * rng.normal(size=(count, problem.d))
    return smx.Dataset(x, real.y[drawn] + 0.25 * problem.noise * rng.normal(size=count))


def _smoother(real: smx.Dataset, problem: Problem, count: int, rng) -> smx.Dataset:
    """Inputs of a smoothed bootstrap; targets of a Nadaraya-Watson fit, with its own noise."""
    width = 0.5 * real.x.std(axis=0) * len(real) ** (-1 / (problem.d + 4))
    drawn = rng.integers(len(real), size=count)
    x = real.x[drawn] + width * rng.normal(size=(count, problem.d))
    squared = (((x[:, None] - real.x[None]) / width) ** 2).sum(axis=-1)
    weights = np.exp(-0.5 * (squared - squared.min(axis=1, keepdims=True)))
    y = weights @ real.y / weights.sum(axis=1)
    return smx.Dataset(x, y + problem.noise * rng.normal(size=count))
