"""Processes meet before JAX connects them, so that whoever is missing is named.

JAX's own client does not raise where a process cannot be reached: it aborts the program with a stack trace. So
process 0 listens at the coordinator's address, every other process says there who it is, and once all are there
process 0 lets them go on; JAX then finds at the same address what it expects.
"""

import selectors
import socket
import time
from dataclasses import dataclass

_HELLO = "synthmix-jax 1"
_GO = "go"
_PAUSE_S = 0.1  # between two attempts to reach process 0, rising to:
_LONGEST_PAUSE_S = 2.0
_LINE_BYTES = 1024
# Processes that began together run out of time together: process 0 is to say who did not come before they go.
_GRACE_S = 2.0


@dataclass(frozen=True)
class Meeting:
    """Where and until when processes meet.

    Attributes:
        host: Of process 0, as the others call it.
        port: There.
        number: Processes in all.
        process: Which of them this one is.
        timeout_s: Seconds to wait for the others.
    """

    host: str
    port: int
    number: int
    process: int
    timeout_s: float

    @property
    def address(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def hold(self) -> None:
        """Return when all processes are there.

        Raises:
            ValueError: the port is taken, or processes contradict each other.
            TimeoutError: someone did not come.
        """
        if self.process == 0:
            _receive(self)
        else:
            _report(self)


def _receive(meeting: Meeting) -> None:
    """Process 0: wait until every other one has said who it is."""
    until = time.monotonic() + meeting.timeout_s
    arrived: dict[int, socket.socket] = {}
    heard: dict[socket.socket, bytes] = {}
    with _listener(meeting) as door, selectors.DefaultSelector() as ready:
        ready.register(door, selectors.EVENT_READ)
        try:
            while len(arrived) < meeting.number - 1:
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError(_nobody(meeting, set(arrived)))
                for key, _ in ready.select(left):
                    caller = key.fileobj
                    assert isinstance(caller, socket.socket)
                    if caller is door:
                        new, _ = door.accept()
                        new.setblocking(False)
                        heard[new] = b""
                        ready.register(new, selectors.EVENT_READ)
                    elif not _listen(caller, heard, arrived, meeting):
                        ready.unregister(caller)
                        heard.pop(caller)
                        caller.close()
            _send(arrived.values(), _GO)
            # Whoever closes first keeps the port busy for a while: that is better left to the others.
            for caller in arrived.values():
                caller.settimeout(1.0)
                _rest(caller)
        except (ValueError, TimeoutError) as error:
            _send(heard, f"no {error}")  # all fail, at once and for one reason
            raise
        finally:
            for caller in heard:
                caller.close()


def _listen(
    caller: socket.socket,
    heard: dict[socket.socket, bytes],
    arrived: dict[int, socket.socket],
    meeting: Meeting,
) -> bool:
    """Take what a caller says; whether to go on with it.

    Raises:
        ValueError: it is one of ours and contradicts this process or another.
    """
    said = _rest(caller)
    heard[caller] += said
    line, ended, _ = heard[caller].partition(b"\n")
    if not said or len(line) > _LINE_BYTES:  # gone: it may come again
        for process in [p for p, other in arrived.items() if other is caller]:
            del arrived[process]
        return False
    if not ended:
        return True
    words = line.decode(errors="replace").rsplit(" ", 2)
    if len(words) != 3 or words[0] != _HELLO or not (words[1] + words[2]).isdecimal():
        return False  # a stranger
    number, process = int(words[1]), int(words[2])
    if number != meeting.number:
        raise ValueError(
            f"process {process} was started as one of {number} and process 0 as one of {meeting.number}: give "
            "all the same num_processes."
        )
    if arrived.get(process, caller) is not caller or process == 0:
        raise ValueError(
            f"process_id {process} was given twice: give every process one of its own."
        )
    arrived[process] = caller
    return True


def _report(meeting: Meeting) -> None:
    """Any other process: say who it is, until process 0 says that all are there."""
    until = time.monotonic() + meeting.timeout_s
    pause, why = _PAUSE_S, ""
    while (left := until - time.monotonic()) > 0:
        try:
            with socket.create_connection((meeting.host, meeting.port), timeout=left) as line:
                line.sendall(f"{_HELLO} {meeting.number} {meeting.process}\n".encode())
                answer = _answer(line, until + _GRACE_S)
            if answer == _GO:
                return
            if answer.startswith("no "):
                raise ValueError(answer.removeprefix("no "))
            why = "process 0 went away" if not answer else "something else answers there"
        except TimeoutError:
            why = why or "no answer"
        except OSError as error:
            why = error.strerror or str(error)
        time.sleep(max(0.0, min(pause, until - time.monotonic())))
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    raise TimeoutError(
        f"process {meeting.process} did not meet the others at {meeting.address} within {meeting.timeout_s:.3g} s "
        f"({why}): see that all {meeting.number} processes run, that process 0 runs on that machine, that this "
        "one can reach the address and that no firewall closes the port; or raise the time-out."
    )


def _answer(line: socket.socket, until: float) -> str:
    """One line; what there is of it where the other end closes.

    Raises:
        TimeoutError: none came in time.
    """
    said = b""
    while b"\n" not in said and len(said) < 4 * _LINE_BYTES:
        line.settimeout(max(0.01, until - time.monotonic()))
        try:
            part = line.recv(_LINE_BYTES)
        except TimeoutError:
            raise TimeoutError("process 0 still waits for others") from None
        if not part:
            break
        said += part
    return said.partition(b"\n")[0].decode(errors="replace")


def _listener(meeting: Meeting) -> socket.socket:
    """All interfaces, as JAX's own service."""
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        return socket.create_server(
            ("", meeting.port), family=family, dualstack_ipv6=dual, backlog=1024
        )
    except OSError as error:
        raise ValueError(
            f"process 0 cannot listen at port {meeting.port} of this machine ({error.strerror}): name a free port "
            "in coordinator."
        ) from error


def _rest(caller: socket.socket) -> bytes:
    """What a caller says; nothing where it is gone."""
    try:
        return caller.recv(_LINE_BYTES)
    except OSError:
        return b""


def _send(callers, line: str) -> None:
    for caller in callers:
        try:
            caller.sendall(f"{line}\n".encode())
        except OSError:
            continue  # gone, which the others find out


def _nobody(meeting: Meeting, arrived: set[int]) -> str:
    missing = [p for p in range(1, meeting.number) if p not in arrived]
    shown = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
    return (
        f"process 0 waited {meeting.timeout_s:.3g} s at {meeting.address}, and of {meeting.number} processes "
        f"{len(missing)} did not come (process_id {shown}): see that they run, that they were given this address, "
        "can reach it and find the port open; or raise the time-out."
    )
