"""Mixing real and synthetic data: amounts and orders.

Four ways to say how much synthetic data there is, with exact conversions: the count m, the ratio m / n,
the weight w of one synthetic point relative to a real one, and the share of the loss
alpha = w m / (n + w m). Nested orders make the first m points of one pool the m-point data set.
"""

from ._amounts import Amounts as Amounts
from ._amounts import absolute_ridge as absolute_ridge
from ._amounts import count_for_ratio as count_for_ratio
from ._amounts import normalised_ridge as normalised_ridge
from ._amounts import plan as plan
from ._amounts import share as share
from ._amounts import weight_for_share as weight_for_share
from ._orders import geometric_counts as geometric_counts
from ._orders import nested_order as nested_order
from ._streams import Streams as Streams
from ._streams import group_places as group_places
from ._streams import places as places
