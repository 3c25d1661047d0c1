"""Kernels: positive semi-definite functions of two points; a Gram matrix is one matrix product.

    kernel = 2.0 * smx.kernels.RBF(smx.kernels.median_lengthscale(x)) + smx.kernels.Constant(1.0)
    kernel(x1, x2)  # (n, m)

A new kernel subclasses `Kernel` as a frozen dataclass under `@register`, writes `pair`, and adds
one line to the table of `tests/kernels/test_laws.py`.
"""

from ._bandwidth import median_lengthscale as median_lengthscale
from ._base import Kernel as Kernel
from ._base import Product as Product
from ._base import Scaled as Scaled
from ._base import Sum as Sum
from ._base import register as register
from ._dot_product import NTK as NTK
from ._dot_product import ArcCosine as ArcCosine
from ._dot_product import Polynomial as Polynomial
from ._gram import describe as describe
from ._gram import gram as gram
from ._gram import is_kernel as is_kernel
from ._stationary import RBF as RBF
from ._stationary import Laplace as Laplace
from ._stationary import Matern as Matern
from ._stationary import squared_distances as squared_distances
from ._tables import Constant as Constant
from ._tables import Precomputed as Precomputed
