"""A mixture of Gaussians a class, on the leading principal components of that class.

x = mu_c + V_c^T z,   z ~ sum_j w_cj N(a_cj, L_cj L_cj^T)   in the r leading components of class c

fitted by expectation-maximisation from k-means starts, by scikit-learn [dempster1977].
"""

import warnings
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _matching, _numerics
from synthmix_jax._typing import Array, Key
from synthmix_jax.dataset import Dataset

from . import _given
from ._principal import class_rows, placed, principal
from ._seen import Seen

_STARTS = 3


@dataclass(frozen=True, eq=False)
class ClassMixture:
    """Class-conditional mixture of Gaussians with covariances of low rank.

    Attributes:
        means: Class means (classes, d).
        directions: Principal directions of each class (classes, rank, d), orthonormal.
        weights: Weights of the components (classes, components); zero where a class has fewer.
        centres: Their centres along the directions (classes, components, rank).
        factors: Lower triangular factors of their covariances (classes, components, rank, rank).
        shape: Shape of one sample.
        seen: Record of the points it was fitted on.
        components: Number of components of each class.
        converged: Whether the fit of each class converged.
    """

    means: Float[Array, "classes d"] = field(repr=False)
    directions: Float[Array, "classes rank d"] = field(repr=False)
    weights: Float[Array, "classes components"] = field(repr=False)
    centres: Float[Array, "classes components rank"] = field(repr=False)
    factors: Float[Array, "classes components rank rank"] = field(repr=False)
    shape: tuple[int, ...]
    seen: Seen
    components: tuple[int, ...]
    converged: tuple[bool, ...]

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.means.shape[0]

    @classmethod
    def fit(
        cls,
        data: Dataset,
        *,
        components: int,
        rank: int,
        key: Key,
        regularisation: float | int = 1e-3,
    ) -> "ClassMixture":
        """Fit each class on the host: principal components, then the best of three mixtures.

        A class has at most one component for every r + 1 of its points, r being its number of directions (no
        more than its points less one), so a class of few points has one component, and one of a single point does
        not vary. What became of each class is in `components` and `converged`.

        Args:
            data: Labelled points; uint8 images count as x / 255.
            components: Most components a class may have, at least 1.
            rank: Number of directions a class varies in, at least 0; classes with too few points have fewer.
            key: PRNG key of the starts.
            regularisation: Added to every component's variances, in units of the class's mean variance along its
                directions; positive.

        Raises:
            ValueError: regression data, a class without points, or an option out of its range.
        """
        _matching.refuse_maps("data", data)
        if data.num_classes is None:
            raise ValueError(
                "ClassMixture needs class labels; for regression targets use JointGaussian or SMOTE."
            )
        components = _given.whole("components", components, 1)
        rank = _given.whole("rank", rank, 0)
        if not 0.0 < regularisation < float("inf"):
            raise ValueError(f"regularisation must be positive, got {regularisation}.")
        random = _numerics.host_generator(key)
        x = np.asarray(_numerics.as_rows(np.asarray(data.x)))
        rank = min(rank, x.shape[1])
        fits = [
            _fit_class(own, components, rank, float(regularisation), random)
            for own in class_rows(x, np.asarray(data.y), data.num_classes)
        ]
        *arrays, used, converged = zip(*fits, strict=True)
        return cls(
            *(jnp.asarray(np.stack(parts), jnp.float32) for parts in arrays),
            shape=tuple(data.x.shape[1:]),
            seen=Seen.of(data),
            components=used,
            converged=converged,
        )

    def sample(self, labels: Shaped[Array, "m ..."], *, key: Key) -> jax.Array:
        """Draw one input a label.

        Args:
            labels: Classes to draw from (m,), whole numbers.
            key: PRNG key.

        Returns:
            Inputs (m, ...) in float32, on the scale of the data fitted on (0..1 for uint8 images).

        Raises:
            ValueError: labels that are no whole numbers, or of no class (checked outside `jit`).
        """
        _given.labels(labels, self.num_classes)
        labels = jnp.asarray(labels)
        which, noise = jax.random.split(key)
        component = jax.random.categorical(which, jnp.log(self.weights)[labels])
        z = jax.random.normal(noise, (labels.shape[0], self.centres.shape[2]), jnp.float32)
        z = jnp.einsum(
            "mij,mj->mi", self.factors[labels, component], z, precision=_numerics.HIGHEST
        )
        z = self.centres[labels, component] + z
        x = placed(z, labels, self.means, self.directions)
        return x.reshape(labels.shape[0], *self.shape)


def _fit_class(
    rows: np.ndarray, components: int, rank: int, regularisation: float, random: np.random.Generator
) -> tuple:
    """Fields of one class, padded with components of weight zero."""
    mean = rows.mean(axis=0)
    directions, scales = principal(rows - mean, rank)
    kept = int((scales > 1e-9 * scales.max(initial=0.0)).sum())
    directions[kept:] = 0.0
    weights, centres = np.zeros(components), np.zeros((components, rank))
    factors = np.zeros((components, rank, rank))
    seed = int(random.integers(2**31))  # also where it is not used: classes do not move each other
    if kept == 0:
        weights[0] = 1.0
        return mean, directions, weights, centres, factors, 1, True
    # In units of the class's own spread, so that the regularisation has none.
    unit = np.sqrt(np.mean(scales[:kept] ** 2))
    z = (rows - mean) @ directions[:kept].T / unit
    used = max(1, min(components, len(np.unique(z, axis=0)) // (kept + 1)))
    fitted = _expectation_maximisation(z, used, regularisation, seed)
    weights[:used] = fitted.weights_
    centres[:used, :kept] = unit * fitted.means_
    factors[:used, :kept, :kept] = unit * np.linalg.cholesky(np.asarray(fitted.covariances_))
    return mean, directions, weights, centres, factors, used, bool(fitted.converged_)


def _expectation_maximisation(z: np.ndarray, components: int, regularisation: float, seed: int):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        components, reg_covar=regularisation, n_init=_STARTS, max_iter=300, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by `converged`
        return mixture.fit(z)


jax.tree_util.register_dataclass(
    ClassMixture,
    data_fields=["means", "directions", "weights", "centres", "factors"],
    meta_fields=["shape", "seen", "components", "converged"],
)
