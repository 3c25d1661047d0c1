"""A sweep on a mesh in a process of its own: prints every number of it as JSON."""

import argparse
import json

import jax
import numpy as np

import synthmix_jax as smx
from synthmix_jax.krr import _deal

FIELDS = (
    "loo_error", "loo_misclassified", "loo_residuals", "loo_wrong", "test_error", "test_misclassified", "status",
)  # fmt: skip


def data():
    """Real, synthetic and test points of three classes."""
    rng = np.random.default_rng(3)
    return [
        smx.Dataset(rng.normal(size=(size, 3)), rng.integers(0, 3, size)) for size in (9, 14, 7)
    ]


def sweep(mesh, kernel=None, **options):
    """Three cells that do not fill the grid evenly; rows, real and test points that do not fill the devices."""
    real, synthetic, test = data()
    return smx.krr.sweep(
        real,
        synthetic,
        kernel=kernel or smx.kernels.RBF(1.5),
        ridges=[1e-3, 0.1, 3.0],
        weights=[0.5],
        counts=[0, 3, 14],
        test=test,
        residuals=True,
        mesh=mesh,
        **options,
    )


def main() -> None:
    """Several blocks of rows for each device, however few the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--process", type=int)
    parser.add_argument("--port", type=int)
    arguments = parser.parse_args()
    if arguments.process is not None:
        jax.distributed.initialize(f"localhost:{arguments.port}", 2, arguments.process)
    _deal.LEAST = 6
    mesh = jax.make_mesh((2, jax.device_count() // 2), ("rows", "grid"))
    found = sweep(mesh)
    numbers = {name: getattr(found, name).tolist() for name in FIELDS}
    print(json.dumps({"devices": jax.device_count(), **numbers}))


if __name__ == "__main__":
    main()
