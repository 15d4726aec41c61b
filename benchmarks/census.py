"""The census: 10,000 children read and replayed, beside the sector's validator reading and checking the same file.

`python benchmarks/census.py --validator PYTHON` names a Python that has `csc-validator-be-cin` installed (it needs older
packages than ours, so it lives in an environment of its own; `make bench` makes one). Both run as whole processes, in
turns. The two do different work on the same records: the validator's rules are about data quality, ours about time;
what is compared is what a person waits for. Exit code 1 when ours is not at least 15 times faster.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "tests" / "data" / "cin_census" / "generated_seed1001_conforming.xml"
AT_LEAST = 15.0


def write_large(path: Path, copies: int) -> None:
    """The sample's 200 children over and over, each time with ids of their own."""
    head, rest = SAMPLE.read_text(encoding="utf-8").split("<Children>", 1)
    body, tail = rest.rsplit("</Children>", 1)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{head}<Children>")
        for i in range(copies):
            file.write(body.replace("<LAchildID>CH", f"<LAchildID>X{i}_"))
        file.write(f"</Children>{tail}")


def seconds(command: list[str]) -> float:
    """How long a whole process takes; exits when it could not run."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    if done.returncode > 1:
        raise SystemExit(f"{command[:4]} failed: {done.stderr.strip()[-400:]}")
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--validator", help="a Python that has csc-validator-be-cin")
    parser.add_argument("--copies", type=int, default=50, help="copies of 200 children")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "census.xml"
        write_large(file, options.copies)
        ours = [sys.executable, "-m", "rrt_engine", "replay", str(file), "--as-of", "2024-03-31", "--exit-zero"]
        seconds(ours)
        mine = statistics.median(seconds(ours) for _ in range(options.rounds))
        children = 200 * options.copies
        print(f"\nCIN census, {children:,} children, {file.stat().st_size / 1e6:.1f} MB, whole processes")
        print(f"rrt replay: {mine:.2f} s, median of {options.rounds}")
        if not options.validator:
            print("the validator was not named: nothing to compare with")
            return 0
        theirs = seconds([options.validator, "-m", "cin_validator", "run", str(file)])
        ratio = theirs / mine
        verdict = "" if ratio >= AT_LEAST else "  MISSED"
        print(f"csc-validator-be-cin: {theirs:.2f} s; {ratio:.0f} times ours (target: at least {AT_LEAST:g}){verdict}")
        return 0 if ratio >= AT_LEAST else 1


if __name__ == "__main__":
    raise SystemExit(main())
