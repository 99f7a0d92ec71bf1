"""Where processes of several machines meet."""

import socket
from pathlib import Path

import pytest

from disentangle.training import launch
from disentangle.training.launch import PORTS, free_port


def test_no_connection_is_given_the_port_where_processes_meet() -> None:
    """One was, in the seconds before the first of them listened: training ended there."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not given.exists():
        pytest.skip("this system does not tell from which range it gives ports")
    first, _ = map(int, given.read_text().split())
    assert all(PORTS[0] <= free_port() < PORTS[1] <= first for _ in range(100))


def test_a_port_that_is_taken_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        monkeypatch.setattr(launch, "PORTS", (port, port + 2))
        assert {free_port() for _ in range(20)} == {port + 1}
