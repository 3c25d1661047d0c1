"""Scripts run in processes of their own, on virtual devices: start them, and hear what they say at their end."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def start(script, *options, devices, **variables):
    """A process of a script, on so many virtual CPU devices, compiling as the suite does."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}",
        **variables,
    }
    command = [sys.executable, script, *map(str, options)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def said(*processes):
    """The JSON that each prints last; None for one that was killed."""
    try:
        ended = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, err) in zip(processes, ended, strict=True):
        assert process.returncode in (0, -9), err[-3000:]
    return [
        json.loads(out.splitlines()[-1]) if process.returncode == 0 else None
        for process, (out, _) in zip(processes, ended, strict=True)
    ]


def port():
    """A free one."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]
