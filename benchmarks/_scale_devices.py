"""The same sweep on 1, 2, 4 and 8 devices: a cost curve against devices.

On a CPU the devices are virtual and share the cores, so that more of them cannot be faster than the cores are: the
curve says what spreading costs, not what it gains. In a process of its own, which alone can be given as many.

    python -m benchmarks._scale_devices '{"rows": 50000}'     # prints JSON; sizes other than those of `SIZE`
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import jax
import numpy as np

from benchmarks import _suite
from benchmarks._scale_curves import Size, call, data

NUMBER = 8
SIZE = Size(rows=100_000)


def in_own_process(size: Size = SIZE, number: int = NUMBER) -> dict[int, dict[str, float]]:
    """Times for 1, 2, 4, ... devices: real ones where there are several, otherwise virtual CPU devices."""
    if jax.device_count() > 1:
        return on_devices(size)
    flags = f"--xla_force_host_platform_device_count={number}"
    given = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks._scale_devices", json.dumps(asdict(size))],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "XLA_FLAGS": given, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    if child.returncode:
        raise RuntimeError(f"the case of devices ended with {child.returncode}:\n{child.stderr}")
    return {int(k): times for k, times in json.loads(child.stdout.splitlines()[-1]).items()}


def words() -> str:
    """What the devices are."""
    return "devices" if jax.device_count() > 1 else "virtual CPU devices"


def on_devices(size: Size) -> dict[int, dict[str, float]]:
    """Times of the sweep on 1, 2, 4, ... devices of this process, taken in turns."""
    real = data(size.real, size.features, seed=0)
    pool = data(size.rows, size.features, seed=1)
    devices = jax.devices()
    numbers = [2**i for i in range(len(devices).bit_length()) if 2**i <= len(devices)]
    meshes = {k: jax.sharding.Mesh(np.array(devices[:k]), ("rows",)) for k in numbers}
    runs = {k: call(real, pool, size, mesh=mesh) for k, mesh in meshes.items()}
    return _suite.times_of(_suite.interleaved(runs, size.repeats))


if __name__ == "__main__":
    sizes = json.loads(sys.argv[1] if sys.argv[1:] else "{}")
    print(json.dumps(on_devices(replace(SIZE, **sizes))))
