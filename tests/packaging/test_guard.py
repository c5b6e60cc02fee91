"""The guard of tests/conftest.py itself: nothing but this machine can be reached from a test."""

import asyncio
import os
import socket

import pytest

from tests import learnt
from tests.conftest import OutsideReached


@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8", "10.0.0.1"])
def test_connecting_to_another_machine_stops_the_test(address):
    with socket.socket() as sock, pytest.raises(OutsideReached):
        sock.connect((address, 80))
    with socket.socket() as sock, pytest.raises(OutsideReached):
        sock.connect_ex((address, 80))


def test_looking_up_a_name_of_the_internet_stops_the_test():
    with pytest.raises(OutsideReached):
        socket.getaddrinfo("example.org", 80)


async def test_asyncio_is_guarded_too():
    with pytest.raises(OutsideReached):
        await asyncio.open_connection("192.0.2.1", 80)


async def test_loopback_is_open():
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(
            "localhost", server.sockets[0].getsockname()[1]
        )
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_no_setting_leaks_in_from_outside():
    assert {n for n in os.environ if n.startswith("GATEWAY_")} == set(learnt.SETTING)
