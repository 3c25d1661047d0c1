"""Adaptation: tools for real data that come from another domain than the one that counts.

    ratio = smx.adaptation.density_ratio(source.x, target_x, key=jax.random.key(0))
    ratio.values, ratio.effective_sample_size, ratio.coverage
    moved = smx.adaptation.coral(source, target_x)

None of them needs a label of the target.
"""

from ._coral import coral as coral
from ._ratio import density_ratio as density_ratio
from ._record import DensityRatio as DensityRatio
from ._weights import effective_sample_size as effective_sample_size
