"""`DensityRatio`: what an estimate of p_target / p_source holds."""

import dataclasses

import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _checks, _numerics
from synthmix_jax._typing import Array
from synthmix_jax.kernels import RBF

from ._weights import effective_sample_size


@dataclasses.dataclass(frozen=True, eq=False)
class DensityRatio:
    """An estimate of r(x) = p_target(x) / p_source(x), made by `density_ratio`.

    Attributes:
        values: r at the source points (n,), each from the fit without that point; zero or more, of mean one.
        lengthscale: Lengthscale chosen, in the unit of the features.
        ridge: Ridge chosen, per centre.
        score: Leave-one-out score of the fit chosen, an estimate of -(1 + chi^2)/2, chi^2 = E_source[(r - 1)^2];
            lower is a larger shift that can be seen.
        score_error: Its standard error, over the points.
        constant_score: Score of the ratio that is one everywhere: -1/2. Unless `score` lies below
            it by a few standard errors, the samples show no shift.
        scores: Scores of all fits tried (lengthscales, ridges).
        coverage: In [0, 1]: mean of r^2 over the source points divided by the mean of r over the target points.
            Both estimate 1 + chi^2, so it is about one where source points lie wherever target points do. Near zero the
            target lies where there is no source: no weights can mend that, and the effective sample size is void.
        cap: Largest value allowed before the values were brought to mean one, or None.
    """

    values: Float[np.ndarray, " n"] = dataclasses.field(repr=False)
    lengthscale: float
    ridge: float
    score: float
    score_error: float
    constant_score: float
    scores: Float[np.ndarray, "lengthscales ridges"] = dataclasses.field(repr=False)
    coverage: float
    cap: float | None
    _centres: Float[np.ndarray, "b d"] = dataclasses.field(repr=False)
    _coefficients: Float[np.ndarray, " b"] = dataclasses.field(repr=False)
    _mean: Float[np.ndarray, " b"] = dataclasses.field(repr=False)

    @property
    def effective_sample_size(self) -> float:
        """Kish's (sum of values)^2 / sum of values^2, between 1 and n."""
        return effective_sample_size(self.values)

    def at(self, x: Shaped[Array, "t ..."]) -> Float[np.ndarray, " t"]:
        """The ratio at any points: that of the fit of all points, clipped at zero and at `cap`.

        Args:
            x: Points (t, ...) with the features of the source; uint8 counts as x / 255.

        Returns:
            r (t,). At a source point it is not `values`, which leave that point out.

        Raises:
            ValueError: other features than the source's, NaN or infinity.
        """
        given = _checks.numeric_array("x", x)
        if given.ndim == 0:
            raise ValueError("x must have one row a point, got a scalar. Give x[None].")
        _checks.finite("x", given)
        rows = np.asarray(_numerics.as_rows(np.asarray(given)))
        if rows.shape[1] != self._centres.shape[1]:
            raise ValueError(
                f"x has {rows.shape[1]} features a point and the source {self._centres.shape[1]}. "
                "Give points of the same kind."
            )
        with _numerics.x64():
            values = np.asarray(RBF(self.lengthscale)(rows, self._centres))
        ratio = 1.0 + (values - self._mean) @ self._coefficients
        return np.clip(ratio, 0.0, self.cap)
