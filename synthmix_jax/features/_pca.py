"""Principal components of given points.

With the singular value decomposition of the centred points X - 1 m' = U S V', the features of x are the
coordinates V_r' (x - m), divided by S_r / sqrt(n - 1) where they are whitened [jolliffe2002]. The decomposition is
taken of the points, or of the triangular factor of their QR decomposition, never of X' X, which would square the
condition number.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from synthmix_jax import _numerics
from synthmix_jax._typing import Array
from synthmix_jax.features import _rows


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PCA:
    """The leading principal components of the points it was fitted on.

    For distances, fit on real and synthetic points together: fitted on the real ones alone it suits them better
    than any other sample, and a perfect generator looks far away. Each direction has its entry of largest
    magnitude positive.

    Attributes:
        mean: Mean of the points fitted on (d,).
        directions: Orthonormal directions (rank, d), in float64.
        deviations: Standard deviations along them (rank,), of divisor n - 1.
        explained: Share of the variance along each (rank,); zero where the points do not vary.
        whiten: Whether coordinates are divided by their standard deviations.
        shape: Shape of one point.
        fitted_on: Number of points fitted on.

    References:
        Jolliffe (2002), Principal Component Analysis, ch. 3. [jolliffe2002]
    """

    mean: Float[np.ndarray, " d"]
    directions: Float[np.ndarray, "rank d"]
    deviations: Float[np.ndarray, " rank"]
    explained: Float[np.ndarray, " rank"]
    whiten: bool
    shape: tuple[int, ...]
    fitted_on: int

    @classmethod
    def fit(cls, x: Shaped[Array, "n ..."], rank: _rows.Whole, *, whiten: bool = False) -> "PCA":
        """Fit on the host in float64.

        Args:
            x: Points (n, ...), the real ones; uint8 counts as x / 255.
            rank: Number of components, from 1 to min(n - 1, d).
            whiten: Divide coordinates by their standard deviations. A direction along which the points
                do not vary, but for rounding, then has the coordinate zero.

        Raises:
            ValueError: fewer than two points, non-finite values, or a rank out of bounds.
        """
        x = _rows.checked(x)
        rows = np.asarray(_numerics.as_rows(np.asarray(x)), np.float64)
        n, d = rows.shape
        if n < 2:
            raise ValueError(f"x holds {n} point; principal components need at least two.")
        rank = _rows.whole("rank", rank, least=1, most=min(n - 1, d), remedy=_RANK.format(n=n, d=d))
        mean = rows.mean(axis=0)
        singular, directions = _decomposed(rows - mean)
        total = np.sum(singular**2)
        explained = singular[:rank] ** 2 / (total or 1.0)
        return cls(
            mean=mean,
            directions=_with_signs(directions[:rank]),
            deviations=singular[:rank] / np.sqrt(n - 1),
            explained=explained,
            whiten=whiten,
            shape=x.shape[1:],
            fitted_on=n,
        )

    def __call__(self, x: Shaped[Array, "n ..."]) -> Float[Array, "n rank"]:
        """Coordinates of points along the components.

        Args:
            x: Points (n, ...) of the shape fitted on.

        Returns:
            Coordinates (n, rank): float32 for uint8 and for floats of 32 bits or fewer, else the widest float.

        Raises:
            ValueError: points of another shape, no rows, or non-finite values.
        """
        rows = _rows.flattened(_rows.checked(x, shape=self.shape))
        onto = (self.directions * self._scales()[:, None]).T.astype(rows.dtype)
        # Centred before the product: far from the origin single precision keeps its digits.
        centred = rows - self.mean.astype(rows.dtype)
        if isinstance(centred, np.ndarray):
            return centred @ onto
        return jnp.matmul(centred, onto, precision=_numerics.HIGHEST)

    def _scales(self) -> np.ndarray:
        if not self.whiten:
            return np.ones_like(self.deviations)
        # Rounding of the decomposition, and that of the mean, which constant features show.
        largest = max(self.fitted_on, len(self.mean)) * self.deviations[0]
        rounding = np.finfo(np.float64).eps * max(largest, 4.0 * np.max(np.abs(self.mean)))
        varies = self.deviations > rounding
        return np.divide(1.0, self.deviations, out=np.zeros_like(self.deviations), where=varies)

    def __repr__(self) -> str:
        whiten = ", whiten=True" if self.whiten else ""
        share = f"{100 * self.explained.sum():.1f} % of the variance"
        return f"PCA(rank={len(self.deviations)}{whiten}: {share} of {self.fitted_on} points)"


_RANK = "{n} centred points in {d} dimensions have at most min(n - 1, d) components; ask for fewer."


def _decomposed(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values and right singular vectors; with many points those of the small factor R."""
    n, d = centred.shape
    small = np.linalg.qr(centred, mode="r") if n > d else centred
    _, singular, directions = np.linalg.svd(small, full_matrices=False)
    return singular, directions


def _with_signs(directions: np.ndarray) -> np.ndarray:
    largest = np.argmax(np.abs(directions), axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    return directions * signs[:, None]
