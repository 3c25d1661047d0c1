"""Distances between samples x (n, ...) and y (m, ...), each beside its floor in `compare`.

    smx.distances.wasserstein(x, y)  # debiased, entropic, through OTT
    table = smx.distances.compare(real, synthetic, key=jax.random.key(0))
    print(table)

A new metric is a function, a class and a line in `METRICS` (`_metrics.py`), and a line in the table of
`tests/distances/test_laws.py`.
"""

from ._compare import compare as compare
from ._energy import energy as energy
from ._gaussian import gaussian_wasserstein as gaussian_wasserstein
from ._labelled import LabelledTransport as LabelledTransport
from ._labelled import labelled_transport as labelled_transport
from ._labelled import labelled_wasserstein as labelled_wasserstein
from ._metrics import METRICS as METRICS
from ._mixtures import mixture_energy as mixture_energy
from ._mixtures import mixture_mmd as mixture_mmd
from ._mixtures import mixture_sliced_wasserstein as mixture_sliced_wasserstein
from ._mixtures import mixture_wasserstein as mixture_wasserstein
from ._mmd import mmd as mmd
from ._mmd import mmd_squared as mmd_squared
from ._nearest import NearestNeighbours as NearestNeighbours
from ._nearest import nearest_neighbours as nearest_neighbours
from ._sliced import sliced_wasserstein as sliced_wasserstein
from ._table import Row as Row
from ._table import Table as Table
from ._wasserstein import ConvergenceError as ConvergenceError
from ._wasserstein import Transport as Transport
from ._wasserstein import exact_wasserstein as exact_wasserstein
from ._wasserstein import transport as transport
from ._wasserstein import wasserstein as wasserstein
