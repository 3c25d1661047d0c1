"""Small problems and a small network; as a program, one sweep that may be killed or spread over processes."""

import argparse
import functools
import json
import os
import random
import signal
import sys
import threading
import time
import traceback

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

import synthmix_jax as smx

RATIOS, SEEDS = [0.0, 1.0, 2.5], 2
CONFIG = smx.training.Config(
    steps=24, batch_size=8, num_real=20, num_validation=15, evaluations=4, flip=True, shift=1
)


class Net(nnx.Module):
    """A hidden layer with batch normalisation and dropout, for images of 6 x 5."""

    def __init__(self, rngs, outputs=3, width=12, dropout=0.1, activation=nnx.relu, inputs=30):
        # No bias: behind it comes a normalisation, its gradient is rounding alone, and Adam would blow that up.
        self.hidden = nnx.Linear(inputs, width, use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.dropout = nnx.Dropout(dropout, rngs=rngs)
        self.head = nnx.Linear(width, outputs, rngs=rngs)
        self.activation = activation

    def __call__(self, x):
        x = self.activation(self.norm(self.hidden(x.reshape(len(x), -1))))
        return self.head(self.dropout(x))


class MapsNet(nnx.Module):
    """The same, with three scores for every pixel."""

    def __init__(self, rngs):
        self.net = Net(rngs, outputs=90)

    def __call__(self, x):
        return self.net(x).reshape(len(x), 6, 5, 3)


def problem(kind="labels", dtype=np.float32):
    """Real, synthetic and test images: three classes, one or two targets in units of 100 about 1000, or maps.

    Label maps hold 1 where a pixel is bright, 2 where it is very bright; some images have none.
    """
    rng = np.random.default_rng(7)
    centres = rng.random((3, 6, 5))
    sets = []
    for size, noise in ((48, 0.5), (80, 0.7), (60, 0.5)):
        labels = rng.integers(0, 3, size)
        x = np.clip(centres[labels] + noise * rng.normal(size=(size, 6, 5)), -1, 2)
        x = (85 * (x + 1)).astype(np.uint8)
        y = labels if kind == "labels" else 1000 + 100 * (x[:, 0, 0] / 255 + labels)
        if kind == "two":
            y = np.stack([y, 3.0 * x[:, 2, 3]], axis=1)
        if kind == "maps":
            y = np.digitize(x, [170, 200]) * (labels > 0)[:, None, None]
        x = x if dtype == np.uint8 else (x / 255).astype(dtype)
        sets.append(smx.Dataset(x, y, num_classes=3 if kind in ("labels", "maps") else None))
    return sets


def sweep(
    model=Net, *, kind="labels", dtype=np.float32, ratios=RATIOS, seeds=SEEDS, config=CONFIG, **more
):
    """A sweep of the small problem."""
    real, synthetic, test = problem(kind, dtype)
    more = {"test": test, **more}
    return smx.training.sweep(
        model, real, synthetic, ratios=ratios, seeds=seeds, config=config, **more
    )


def devices(number):
    """A mesh of the first so many devices."""
    return Mesh(np.array(jax.devices()[:number]), ("models",))


def numbers(result):
    """All that a sweep found out, as one dictionary of arrays."""
    history = {name: getattr(result.history, name) for name in vars(result.history)}
    names = ("test_error", "test_loss", "validation_error", "chosen_step")
    return {**history, **{name: getattr(result, name) for name in names}}


def same(a, b, rtol=0.0):
    """Assert that two sweeps found the same: bitwise, or to a tolerance."""
    for (name, left), right in zip(numbers(a).items(), numbers(b).values(), strict=True):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol, err_msg=name)


def main():
    """One sweep; prints its numbers as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workdir")
    parser.add_argument("--kill", type=float, help="most seconds of training to live")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--process", type=int, default=0)
    parser.add_argument("--port", type=int)
    parser.add_argument("--learning-rate", type=float, default=CONFIG.learning_rate)
    parser.add_argument("--evaluations", type=int, default=CONFIG.evaluations)
    parser.add_argument("--die", type=int, help="evaluation at which this process is killed")
    parser.add_argument("--memory-limit", type=float)
    args = parser.parse_args()
    if args.processes > 1:
        place = f"localhost:{args.port}", args.processes, args.process
        smx.distributed.start(*place, timeout_s=60, heartbeat_s=10)

    @functools.cache
    def die_some_time():
        seconds = random.SystemRandom().uniform(0.0, args.kill)

        def die():
            time.sleep(seconds)
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=die, daemon=True).start()

    def progress(done, total, what):
        if args.kill is not None and what != "compiling":
            die_some_time()
        told.append(what)
        if len(told) - 1 == args.die:  # the first call says that programs are compiled
            os.kill(os.getpid(), signal.SIGKILL)

    told = []
    config = CONFIG.__class__(
        **{
            **vars(CONFIG),
            "learning_rate": args.learning_rate,
            "evaluations": args.evaluations,
        }
    )
    try:
        result = sweep(
            config=config,
            workdir=args.workdir,
            progress=progress,
            keep_models=args.workdir is not None,
            memory_limit=args.memory_limit,
        )
    except ValueError as error:
        print(json.dumps({"error": str(error), "devices": jax.device_count()}))
        return
    except Exception:  # another process is gone: do not wait for it at the end
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    found = {name: values.tolist() for name, values in numbers(result).items()}
    head = np.asarray(result.model(2, 1).network.head.kernel[...]).tolist() if args.workdir else 0
    print(json.dumps({**found, "log": result.log, "devices": jax.device_count(), "head": head}))


if __name__ == "__main__":
    main()
