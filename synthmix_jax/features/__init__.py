"""Feature maps: what distances and kernels see instead of pixels.

    features = smx.features.RandomConvolutions()
    features(images)  # (n, 524) for colour images
    kernel = smx.features.kernel_on(features, smx.kernels.RBF(2.0))

A feature map is a frozen callable x (n, ...) -> (n, d) whose `repr` is the line that reports print. A row's
features do not depend on the other rows. uint8 counts as x / 255. NumPy arrays give NumPy arrays and JAX arrays
JAX arrays; inside `jit`, `vmap` and `grad` values are not checked.
"""

from ._convolutions import RandomConvolutions as RandomConvolutions
from ._default import default as default
from ._given import AsGiven as AsGiven
from ._given import Pixels as Pixels
from ._kernel import kernel_on as kernel_on
from ._last_layer import LastLayer as LastLayer
from ._pca import PCA as PCA
