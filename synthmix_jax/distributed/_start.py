"""`start`: what `jax.distributed.initialize` does, with an error in place of an abort.

JAX's client ends the program where another process cannot be reached; here all meet first, within a time-out, and
whoever is missing is named.
"""

import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax

from synthmix_jax import _checks

from ._rendezvous import Meeting

_NAMES = {  # of JAX's classes
    "GceTpuCluster": "TPU",
    "GkeTpuCluster": "GKE",
    "K8sCluster": "Kubernetes",
    "SlurmCluster": "Slurm",
    "OmpiCluster": "Open MPI",
}
_REMEDY = 'give coordinator="HOST:PORT" (of process 0), num_processes and process_id, all three'
# A process that sends nothing for so long is lost, and JAX ends the others.
_HEARTBEAT_S = 60.0
# Everyone has met when JAX connects: this is for slow machines only.
_LEAST_TO_CONNECT_S = 30
_MOST_S = 1e6  # operating systems count milliseconds in 31 bits


@dataclass(frozen=True)
class Runtime:
    """What this process is part of.

    Attributes:
        process: Which one it is; process 0 prints and writes.
        num_processes: How many there are.
        num_devices: Devices of all of them.
        cluster: What was recognised: "TPU", "GKE", "Kubernetes", "Slurm" or "Open MPI"; "given" where you
            said it; "none" for a single process.
    """

    process: int
    num_processes: int
    num_devices: int
    cluster: str


@dataclass(frozen=True)
class _Place:
    """Where a process stands among the others."""

    coordinator: str | None
    number: int
    process: int
    local_device_ids: tuple[int, ...] | None
    cluster: str


_held: dict[str, tuple[Any, Runtime]] = {}


def start(
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    local_device_ids: Sequence[int] | None = None,
    timeout_s: float | int = 300.0,
    heartbeat_s: float | int = _HEARTBEAT_S,
) -> Runtime:
    """Connect this process to the others; every process calls it once, before JAX is used.

    Without arguments the cluster says which process this is: TPU pods, GKE, Slurm (`srun`) and Open MPI (`mpirun`)
    are recognised, by JAX. Anywhere else give all three. One process alone needs no connection and gets none.

    SIGTERM does what it did before: JAX would take it for its own preemption service.

    Args:
        coordinator: "HOST:PORT" of process 0, a free port that the others can reach; default the environment's
            JAX_COORDINATOR_ADDRESS.
        num_processes: How many processes there are.
        process_id: Which of them this one is, from 0.
        local_device_ids: GPUs of this machine that are this process's; default all, under Slurm and Open MPI the
            one of its place on the machine.
        timeout_s: Seconds to wait for the others, at most a million.
        heartbeat_s: Seconds without a sign of life after which a process counts as lost and the others end.

    Returns:
        What this process is part of. Called again with the same arguments, the same.

    Raises:
        ValueError: half of the three arguments, a process_id that is none of them, an address without port, no
            cluster recognised, JAX in use already, other arguments than before, a port that is
            taken, a time-out above a million seconds, or processes that contradict each other.
        TimeoutError: the address cannot be reached or other processes did not come, in `timeout_s`.
    """
    ids = None if local_device_ids is None else tuple(int(i) for i in local_device_ids)
    asked = coordinator, num_processes, process_id, ids
    if "start" in _held:
        before, runtime = _held["start"]
        if before != asked:
            raise ValueError(
                f"distributed.start was called with {before} before and now with {asked}: processes are connected "
                "once. Leave the second call out, or call distributed.stop() first."
            )
        return runtime
    timeout_s = _seconds("timeout_s", timeout_s)
    heartbeat_s = _seconds("heartbeat_s", heartbeat_s)
    until = time.monotonic() + timeout_s
    place = _place(coordinator, num_processes, process_id, ids, timeout_s)
    if place.number > 1:
        _refuse_if_in_use()
        host, port = _host_and_port(place.coordinator)
        left = max(until - time.monotonic(), 1.0)
        Meeting(host, port, place.number, place.process, min(left, timeout_s)).hold()
        _connect(place, until - time.monotonic(), heartbeat_s)
    count = jax.device_count()
    runtime = Runtime(place.process, place.number, count, place.cluster)
    _held["start"] = asked, runtime
    return runtime


def stop() -> None:
    """Part from the other processes, once all have called it; does nothing where none are connected."""
    _held.clear()
    if jax.distributed.is_initialized():
        jax.distributed.shutdown()


def _place(
    coordinator: str | None,
    number: int | None,
    process: int | None,
    ids: tuple[int, ...] | None,
    timeout_s: float,
) -> _Place:
    """Where this process stands, as given or as its cluster says.

    Raises:
        ValueError: neither says it.
    """
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS") or None
    if coordinator is not None:
        _host_and_port(coordinator)
    if (number is None) != (process is None):
        half = f"num_processes {number}" if process is None else f"process_id {process}"
        raise ValueError(f"{half} was given alone: {_REMEDY}.")
    numbers = None
    if number is not None and process is not None:
        numbers = _checked(number, process)
        if number == 1:
            return _Place(None, 1, 0, ids, "none")
        if coordinator is not None:
            return _Place(coordinator, *numbers, ids, "given")
    cluster = _cluster()
    if cluster is None:
        given = "num_processes and process_id" if numbers else "coordinator" if coordinator else ""
        raise ValueError(
            f"no cluster was recognised here (TPU pod, GKE, Slurm's srun, Open MPI's mpirun) and "
            f"{f'only {given}' if given else 'nothing'} was given: {_REMEDY}. One process alone does without "
            "distributed.start."
        )
    name = str(_NAMES.get(cluster.__name__, cluster.__name__))
    numbers = numbers or _checked(cluster.get_process_count(), cluster.get_process_id())
    if numbers[0] == 1:
        return _Place(None, 1, 0, ids, name)
    if coordinator is None:
        port = os.environ.get("JAX_COORDINATOR_PORT")
        coordinator = cluster.get_coordinator_address(math.ceil(timeout_s), port)
    if ids is None and name in ("Slurm", "Open MPI"):
        ids = (cluster.get_local_process_id(),)
    return _Place(coordinator, *numbers, ids, name)


def _cluster() -> Any:
    """JAX's class of the cluster that this process runs on, or None."""
    # Not public: it is what jax.distributed.initialize asks, and knows every cluster that JAX does.
    from jax._src.clusters import ClusterEnv

    kinds: list[Any] = [kind for kind in ClusterEnv._cluster_types if not kind.opt_in_only_method]
    return next((kind for kind in kinds if kind.is_env_present()), None)


def _checked(number: int, process: int) -> tuple[int, int]:
    for name, value in (("num_processes", number), ("process_id", process)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} must be a whole number, got {value!r}.")
    if number < 1:
        raise ValueError(f"num_processes must be at least 1, got {number}.")
    if not 0 <= process < number:
        raise ValueError(
            f"process_id must lie in 0 to num_processes - 1 = {number - 1}, got {process}: processes are counted "
            "from 0."
        )
    return number, process


def _seconds(name: str, value: float | int) -> float:
    seconds = _checks.positive_value(name, value)
    if seconds > _MOST_S:
        raise ValueError(
            f"{name} must be at most {_MOST_S:,.0f} seconds, got {seconds:g}: systems count no further."
        )
    return seconds


def _host_and_port(address: str | None) -> tuple[str, int]:
    """Host and port of an address; IPv6 in brackets."""
    host, colon, port = (address or "").rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 2**16):
        raise ValueError(
            f"coordinator must be HOST:PORT with a port of 1 to 65535, got {address!r}: 10.0.0.1:8476, say."
        )
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(
            f"coordinator names no host: {address!r}. A part of a name between dots has 1 to 63 characters."
        ) from None
    return host.strip("[]"), int(port)


def _refuse_if_in_use() -> None:
    from jax._src import xla_bridge  # the question has no public name

    if jax.distributed.is_initialized():
        raise ValueError(
            "jax.distributed.initialize was called already, and distributed.start calls it: leave one of them out."
        )
    if xla_bridge.backends_are_initialized():
        raise ValueError(
            "JAX was used before distributed.start, and then it is too late to connect processes: call it first, "
            "before any array is made and before jax.devices()."
        )


def _connect(place: _Place, left: float, heartbeat_s: float) -> None:
    """`jax.distributed.initialize`, with SIGTERM as it was."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    jax.distributed.initialize(
        place.coordinator,
        place.number,
        place.process,
        None if place.local_device_ids is None else list(place.local_device_ids),
        cluster_detection_method="deactivate",
        initialization_timeout=max(math.ceil(left), _LEAST_TO_CONNECT_S),
        heartbeat_timeout_seconds=math.ceil(heartbeat_s),
        shutdown_timeout_seconds=math.ceil(heartbeat_s),
    )
    # JAX's preemption service swallows the signal, and a process that got one then waits at its end.
    if main and before is not None:
        signal.signal(signal.SIGTERM, before)
