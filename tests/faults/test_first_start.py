"""A first start that is killed blocks no later one."""

import signal
import subprocess
import sys

import pytest

from gateway.keys import Keys
from tests.crash.programs import ROOT, environment

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from gateway.keys import Keys

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], die)
Keys.create(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("call", ["fdopen", "fsync", "link"])
def test_a_start_that_dies_while_it_makes_the_key_leaves_none(tmp_path, call):
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(tmp_path), call],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT)),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    made = Keys.create(tmp_path)
    assert Keys.load(tmp_path, {}).fingerprint == made.fingerprint
