"""A small approximate sweep over a stream; as a script, one process of it, which may be told to die."""

import argparse
import json
import os
import signal

import jax
import numpy as np

import synthmix_jax as smx

ROWS, BLOCK = 900, 100


def data(size, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 3))
    return smx.Dataset(x, np.sin(x[:, 0]))


def blocks(seen, fail_at=None, die_at=None):
    """A stream's blocks; the numbers of those drawn are noted in `seen`."""

    def draw():
        for number in range(ROWS // BLOCK):
            if number == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if number == fail_at:
                raise RuntimeError("power cut")
            seen.append(number)
            yield data(BLOCK, 100 + number)

    return draw


def sweep(workdir, drawn=None, mesh=None, key=None, **changes):
    options = dict(ridges=[0.1, 1.0], weights=[0.5, 1.0]) | changes
    return smx.krr.sweep(
        data(40, 0),
        smx.krr.Stream(blocks([]) if drawn is None else drawn, rows=ROWS),
        kernel=smx.kernels.RBF(1.5),
        counts=[0, 300, 600, 900],
        test=data(30, 1),
        residuals=True,
        method="random_features",
        num_features=16,
        key=jax.random.key(3) if key is None else key,
        mesh=mesh,
        workdir=workdir,
        **options,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--process", type=int, default=0)
    parser.add_argument("--port", type=int)
    parser.add_argument("--workdir")
    parser.add_argument("--die-at", type=int, default=-1)
    options = parser.parse_args()
    if options.port:
        smx.distributed.start(f"localhost:{options.port}", 2, options.process, timeout_s=120)
    seen = []
    shape = (jax.device_count() // 2, 2) if jax.device_count() > 1 else (1, 1)
    mesh = jax.make_mesh(shape, ("rows", "grid"))
    result = sweep(options.workdir, blocks(seen, die_at=options.die_at), mesh=mesh)
    numbers = {name: getattr(result, name).ravel().tolist() for name in ("loo_error", "test_error")}
    print(json.dumps({"devices": jax.device_count(), "blocks": len(seen), **numbers}))


if __name__ == "__main__":
    main()
