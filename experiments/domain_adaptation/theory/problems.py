"""Groups whose inputs, coefficients and noise differ, all Gaussian, with their distances in closed form."""

from typing import NamedTuple

import numpy as np

from .config import Bound, Risk


class Groups(NamedTuple):
    """Groups of linear problems in j features.

    Attributes:
        means: Of the features (k, j).
        spreads: Their covariances (k, j, j).
        coefficients: (k, j).
        noises: Variances of the targets' noise (k,).
        eigenvalues: Of the penalty sum theta_j^2 / mu_j (j,); zero for features that are not fitted.
    """

    means: np.ndarray
    spreads: np.ndarray
    coefficients: np.ndarray
    noises: np.ndarray
    eigenvalues: np.ndarray

    @property
    def moments(self) -> np.ndarray:
        """E[features features^T] (k, j, j): what `group_risk` calls covariances."""
        return self.spreads + self.means[:, :, None] * self.means[:, None, :]


def eigenvalues(features: int) -> np.ndarray:
    """They fall as 1/j."""
    return np.arange(1.0, features + 1) ** -1.0


def drawn(study: Risk, rng: np.random.Generator) -> Groups:
    """Source, target and synthetic group: rotated power laws; two miss the target's coefficients."""
    j = study.features
    spreads = np.stack([_rotated(j, rng, share=rng.uniform(0.2, 0.8)) for _ in range(3)])
    target = _coefficients(j, rng)
    missed = rng.uniform(0.1, 1.0, size=3) * (1.0, 0.0, 1.0)
    others = np.stack([_coefficients(j, rng) for _ in range(3)])
    noises = np.exp(rng.uniform(np.log(0.05), np.log(0.5), size=3))
    return Groups(
        np.zeros((3, j)), spreads, target + missed[:, None] * others, noises, eigenvalues(j)
    )


def moved(study: Bound, kind: str, rng: np.random.Generator) -> list[list[Groups]]:
    """Source, target, synthetic group: [i][k] has the source at the i-th dial and the synthetic group at the k-th.

    The two are moved in different directions; the target is the same in all.
    """
    j = study.features
    target = _rotated(j, rng, share=0.3)
    theta = _coefficients(j, rng)
    ways = [
        (_coefficients(j, rng), _rotated(j, rng, share=1.0), rng.normal(size=j) * j**-0.5)
        for _ in range(2)
    ]

    moving = {
        "coefficients": ("coefficients", "all"),
        "covariance": ("covariance", "hidden", "all"),
        "mean": ("mean", "all"),
    }
    mu = eigenvalues(j) * ((np.arange(j) % 2 == 0) if kind == "hidden" else 1.0)

    def at(dial: float, way) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        coefficients, spread, mean = way
        of = {
            name: dial * (kind in moving[name]) for name in ("coefficients", "covariance", "mean")
        }
        return (
            2.0 * of["mean"] * mean,
            (1.0 - of["covariance"]) * target + of["covariance"] * spread,
            theta + of["coefficients"] * coefficients,
        )

    def groups(source: float, synthetic: float) -> Groups:
        laws = at(source, ways[0]), at(0.0, ways[0]), at(synthetic, ways[1])
        means, spreads, coefficients = (np.stack(part) for part in zip(*laws, strict=True))
        return Groups(means, spreads, coefficients, np.full(3, study.noise), mu)

    return [[groups(a, b) for b in study.dials] for a in study.dials]


def distance(groups: Groups, a: int, b: int) -> float:
    """W2 between the laws of (features, target) of two groups: Gaussians, so that it is known exactly."""
    first, second = _joint(groups, a), _joint(groups, b)
    root = _root(first[1])
    cross = np.trace(_root(root @ second[1] @ root))
    squared = np.sum((first[0] - second[0]) ** 2) + np.trace(first[1] + second[1]) - 2.0 * cross
    return float(np.sqrt(max(squared, 0.0)))


def _joint(groups: Groups, k: int) -> tuple[np.ndarray, np.ndarray]:
    spread, theta = groups.spreads[k], groups.coefficients[k]
    lift = np.vstack([np.eye(len(theta)), theta])
    covariance = lift @ spread @ lift.T
    covariance[-1, -1] += groups.noises[k]
    return lift @ groups.means[k], covariance


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _rotated(j: int, rng: np.random.Generator, *, share: float) -> np.ndarray:
    """A covariance of trace j, part of it in directions of its own."""
    rotation, _ = np.linalg.qr(rng.normal(size=(j, j)))
    own = (rotation * np.arange(1.0, j + 1) ** -rng.uniform(0.3, 1.0)) @ rotation.T
    return (1.0 - share) * np.eye(j) + share * own * j / np.trace(own)


def _coefficients(j: int, rng: np.random.Generator) -> np.ndarray:
    """Of about unit power, falling as the penalty expects."""
    theta = rng.normal(size=j) * np.sqrt(eigenvalues(j))
    return theta / np.sqrt(np.sum(theta**2))
