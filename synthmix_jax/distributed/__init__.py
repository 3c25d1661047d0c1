"""Several processes as one: `start` connects them, on TPU pods, Slurm, GKE, Open MPI, or where you say they are.

import synthmix_jax as smx

smx.distributed.start()                                  # before anything else of JAX
smx.training.sweep(..., workdir="gs://bucket/run")       # the same script in every process
"""

from ._start import Runtime as Runtime
from ._start import start as start
from ._start import stop as stop

__all__ = ["Runtime", "start", "stop"]
