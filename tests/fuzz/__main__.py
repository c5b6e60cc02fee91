"""`python -m tests.fuzz mails [--count N] [--seed N] [--only INDEX]`; ends with 1 on a finding."""

import argparse
import sys

from tests.fuzz.mails import GROWTH, SECONDS, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=["mails"])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one mail again, by its index")
    args = parser.parse_args()
    found = run(args.count, args.seed, args.only)
    print(f"{found.mails} mails of seed {args.seed} in {found.seconds:.1f} s")
    print(f"outcomes: {', '.join(f'{name} {n}' for name, n in found.outcomes.items())}")
    print(
        f"slowest: {found.slowest:.2f} s of processor time (mail {found.slowest_index}; "
        f"allowed {SECONDS:.0f})"
    )
    print(
        f"peak memory: {found.peak_mib:.0f} MiB, {found.growth:.0f} above the start "
        f"(allowed {GROWTH})"
    )
    for failure in found.failures:
        print(failure)
    print("nothing found" if found.good else "FOUND SOMETHING")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
