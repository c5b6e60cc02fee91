"""No worker outlives the gateway, even when that is killed with SIGKILL."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def start(code):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )


def all_gone(pids, within):
    """Whether the processes end in time; what remains is killed."""
    alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=within
    )[1]
    alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    for process in alive:
        process.kill()
    return not alive


GATEWAY = """
    import asyncio
    from gateway.compute import Compute
    from tests.compute import tasks

    async def main():
        async with Compute(2, queue_limit=8) as pool:
            await pool.warm()
            {work}
            print(*pool.pids, flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


BUSY = """\
held = [asyncio.create_task(pool.run(tasks.spin, timeout=600)) for _ in range(2)]
            await asyncio.sleep(0.2)"""


@pytest.mark.parametrize("work", ["pass", BUSY], ids=["idle", "busy"])
def test_workers_die_with_a_killed_gateway(work):
    gateway = start(GATEWAY.format(work=work))
    pids = [int(pid) for pid in gateway.stdout.readline().split()]
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)
    gateway.send_signal(signal.SIGKILL)
    gateway.wait()
    gateway.stdout.close()
    assert all_gone(pids, within=5)


def test_workers_that_are_starting_die_with_a_killed_gateway():
    gateway = start("""
        import asyncio
        from gateway.compute import Compute
        from tests.compute import tasks

        async def main():
            async with Compute(4, initializer=tasks.spin) as pool:
                print(*pool.pids, flush=True)
                await asyncio.Event().wait()

        asyncio.run(main())
    """)
    pids = [int(pid) for pid in gateway.stdout.readline().split()]
    gateway.send_signal(signal.SIGKILL)
    gateway.wait()
    gateway.stdout.close()
    assert all_gone(pids, within=5)


def test_where_the_kernel_does_not_tell_a_busy_worker_watches_its_parent():
    parent = start("""
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", '''
        import os, sys
        sys.platform = "elsewhere"
        from gateway.compute.process import _die_with
        _die_with(int(sys.argv[1]))
        print("watching", flush=True)
        while True:
            pass
        '''.replace("\\n        ", "\\n"), str(__import__("os").getpid())], stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        child.wait()
    """)
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert all_gone([child], within=5)


def test_an_interrupt_from_the_terminal_reaches_the_gateway_only():
    code = """
        import asyncio, signal
        from gateway.compute import Compute
        from tests.compute import tasks

        async def main():
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
            async with Compute() as pool:
                await pool.warm()
                [before] = pool.pids
                print("ready", flush=True)
                await stop.wait()
                assert await pool.run(tasks.pid, timeout=20) == before
                print("same worker", flush=True)

        asyncio.run(main())
    """
    gateway = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert gateway.stdout.readline() == "ready\n"
    os.killpg(gateway.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    assert gateway.stdout.readline() == "same worker\n"
    assert gateway.wait(20) == 0
    gateway.stdout.close()
