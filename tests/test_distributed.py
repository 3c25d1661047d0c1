"""`distributed.start`: clusters recognised, misuse refused, and whoever is missing named within the time-out."""

import socket
import subprocess
import sys
import threading
import time

import jax
import pytest
from jax._src.clusters import cloud_tpu_cluster

import synthmix_jax as smx
from synthmix_jax import distributed
from synthmix_jax.distributed import _rendezvous, _start
from synthmix_jax.distributed._rendezvous import Meeting
from tests.processes import port

SLURM = {
    "SLURM_JOB_ID": "4100",
    "SLURM_STEP_NODELIST": "node[007-010],other",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "1",
}
OPEN_MPI = {
    "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1,10.148.0.1:34911",
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_RANK": "0",
}
GKE = {"TPU_WORKER_HOSTNAMES": "localhost,second", "TPU_WORKER_ID": "1"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """No cluster around, and nothing started before or left behind."""
    for name in (*SLURM, *OPEN_MPI, *GKE, "JAX_COORDINATOR_ADDRESS", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_start, "_held", {})


@pytest.fixture
def connected(monkeypatch):
    """What JAX and the meeting were asked for, without a connection."""
    asked = []
    monkeypatch.setattr(_start, "_refuse_if_in_use", lambda: None)
    monkeypatch.setattr(Meeting, "hold", lambda meeting: asked.append(meeting))
    monkeypatch.setattr(jax.distributed, "initialize", lambda *a, **options: asked.append(a))
    return asked


@pytest.mark.parametrize(
    ("environment", "cluster", "expected"),
    [
        # The port is 61440 plus the job's number, of which 4,096 are told apart.
        (SLURM, "Slurm", ("node007:61444", 4, 2, [1])),
        (OPEN_MPI, "Open MPI", ("10.96.0.1:62624", 3, 1, [0])),
        (GKE, "GKE", ("localhost:8482", 2, 1, None)),
    ],
)
def test_clusters_are_recognised(monkeypatch, connected, environment, cluster, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if environment is GKE:
        monkeypatch.setattr(cloud_tpu_cluster, "running_in_cloud_tpu_vm", True)
        monkeypatch.setattr(cloud_tpu_cluster, "get_tpu_env_value", lambda name: None)
    runtime = smx.distributed.start(timeout_s=7)
    meeting, to_jax = connected
    assert to_jax == expected
    assert (meeting.address, meeting.number, meeting.process) == expected[:3]
    assert runtime == distributed.Runtime(expected[2], expected[1], jax.device_count(), cluster)


def test_an_address_may_come_from_the_environment_and_the_rest_from_the_cluster(
    monkeypatch, connected
):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "[::1]:1234")
    given = distributed.start(num_processes=2, process_id=1, local_device_ids=[3])
    assert connected[1] == ("[::1]:1234", 2, 1, [3])
    assert (connected[0].host, connected[0].port, given.cluster) == ("::1", 1234, "given")
    distributed.stop()
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    distributed.start()
    assert connected[3] == ("[::1]:1234", 4, 2, [1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no cluster was recognised .* nothing was given"),
        (("here:1",), "only coordinator was given"),
        ((None, 2, 0), "only num_processes and process_id was given: give coordinator="),
        (("here:1", 2), "num_processes 2 was given alone"),
        (("here:1", None, 1), "process_id 1 was given alone"),
        (("here:1", 2, 2), "process_id must lie in 0 to num_processes - 1 = 1, got 2"),
        (("here:1", 2, -1), "got -1"),
        (("here:1", 0, 0), "num_processes must be at least 1, got 0"),
        (("here", 2, 0), "coordinator must be HOST:PORT .* got 'here'"),
        (("here:70000", 2, 0), "got 'here:70000'"),
        (("a..b:1", 2, 1), r"names no host: 'a\.\.b:1'"),
        ((f"{64 * 'a'}:1", 2, 1), "names no host"),
        (("here:1", 2, 0), "JAX was used before distributed.start"),
    ],
)
def test_misuse_is_refused_at_once(arguments, message):
    jax.devices()
    with pytest.raises(ValueError, match=message):
        distributed.start(*arguments)


def test_one_process_needs_no_connection_and_a_second_call_is_the_first():
    alone = distributed.start(num_processes=1, process_id=0)
    assert alone == distributed.Runtime(0, 1, jax.device_count(), "none")
    assert distributed.start(num_processes=1, process_id=0) is alone
    with pytest.raises(ValueError, match="connected once"):
        distributed.start("here:1", 2, 1)
    with pytest.raises(ValueError, match="timeout_s must be positive"):
        distributed.stop() or distributed.start("here:1", 2, 1, timeout_s=0)
    for name in ("timeout_s", "heartbeat_s"):
        with pytest.raises(
            ValueError, match=f"{name} must be at most 1,000,000 seconds, got 1e\\+12"
        ):
            distributed.start("here:1", 2, 1, **{name: 1e12})


def meet(*processes, number=3, timeout_s=5.0):
    """Who meets: how it ended for each, "" where all came."""
    at, ends = port(), {}

    def come(place, process, number):
        try:
            Meeting("localhost", at, number, process, timeout_s).hold()
            ends[place] = ""
        except (ValueError, TimeoutError) as error:
            ends[place] = str(error)

    who = [(p, number) if isinstance(p, int) else p for p in processes]
    threads = [threading.Thread(target=come, args=(i, *one)) for i, one in enumerate(who)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return at, [ends[place] for place in range(len(who))]


def test_all_go_on_once_all_are_there():
    assert meet(2, 1, 0)[1] == ["", "", ""]


def test_process_0_says_who_did_not_come_and_all_end():
    at, (zero, two) = meet(0, 2, timeout_s=2.0)
    assert f"process 0 waited 2 s at localhost:{at}, and of 3 processes 1 did not come" in zero
    assert "(process_id 1)" in zero
    assert two == zero


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ((1, 1), "process_id 1 was given twice"),
        ((1, (2, 4)), "process 2 was started as one of 4 and process 0 as one of 3"),
    ],
)
def test_processes_that_contradict_each_other_all_fail(others, message):
    _, ends = meet(0, *others)
    assert len(ends) == 3
    assert all(message in end for end in ends)


def test_strangers_and_those_who_left_are_not_counted():
    """A port scanner, a process that dies and comes again: process 0 waits for the right ones."""
    at = port()
    waiting = threading.Thread(target=Meeting("localhost", at, 2, 0, 20.0).hold)
    waiting.start()
    for words in (b"GET / HTTP/1.1\n", b"x" * 5000, f"{_rendezvous._HELLO} 2 1".encode()):
        for _ in range(100):
            try:
                with socket.create_connection(("localhost", at)) as line:
                    line.sendall(words)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
    assert waiting.is_alive()
    Meeting("localhost", at, 2, 1, 20.0).hold()
    waiting.join()


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("localhost", 0)) as taken:
        at = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot listen at port {at} of this machine"):
            Meeting("localhost", at, 2, 0, 5.0).hold()


def test_an_unreachable_coordinator_ends_the_command_in_time():
    """In a process of its own: JAX's client would abort it."""
    address = f"localhost:{port()}"
    options = f"--coordinator {address} --num-processes 2 --process-id 1 --connect-timeout 1"
    command = [sys.executable, "-m", "synthmix_jax", "recommend", *options.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"synthmix: process 1 did not meet the others at {address} within 1 s (Connection refused)"
    )
    assert done.stderr.count("\n") == 1
