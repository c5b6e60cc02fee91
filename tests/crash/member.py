"""`gateway serve` with what a test plants in it.

python -m tests.crash.member [--hasty] [--fault NAME] ROLE CONFIG
"""

import argparse
import sys

from gateway.cli import main
from tests.crash.haste import hasten
from tests.crash.planted import plant


def serve() -> None:
    """The product's own command, from here on."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hasty", action="store_true")
    options.add_argument("--fault", default="")
    options.add_argument("role")
    options.add_argument("config")
    given = options.parse_args()
    if given.hasty:
        hasten()
    if given.fault:
        plant(given.fault)
    sys.argv = ["gateway", "serve", "--role", given.role, "--config", given.config]
    main()


if __name__ == "__main__":
    serve()
