"""A replay whose parts go wrong as the tests of faults ask: `python -m tests.faulty_work` is `rrt`, with such parts.

A file beside the folder of the run says what happens to a part: `part-00002.dies` (its process is killed each time),
`part-00002.dies_once`, `part-00002.raises` (a fault of ours, whose text holds a name), `part-00002.raises_once`, and
`part-00002.waits` (it waits while the file is there).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from rrt_engine.replay import runner
from rrt_engine.replay.chunk import Log, Settings
from rrt_engine.replay.partition import Part

replay_part = runner.replay_part
SECRET = "Zebulon"


def work(part: Part, log: Log, settings: Settings, folder: Path) -> None:
    def told(what: str) -> bool:
        return (folder.parent / f"{part.name}.{what}").exists()

    while told("waits"):
        time.sleep(0.02)
    for what in ("dies_once", "raises_once", "dies", "raises"):
        if told(what):
            if what.endswith("once"):
                (folder.parent / f"{part.name}.{what}").unlink()
            if what.startswith("dies"):
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError(SECRET)
    replay_part(part, log, settings, folder)


def beside(place: int, folder: Path) -> None:
    """Two tasks at once: the first dies once the other has begun, which is ended with it; the other then dies once more by itself."""
    if place == 0:
        while not (folder / "began").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)
    if not (folder / "began").exists():
        (folder / "began").touch()
        time.sleep(600)
    if not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    from rrt_engine.cli import main
    from tests import faulty_work

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts jobs in the background has them ignore Ctrl-C
    runner.replay_part = faulty_work.work  # by its name, so that the processes of the pool find it
    if os.environ.get("RRT_TEST_ROWS"):
        parts = runner.partition
        runner.partition = lambda *a, **k: parts(*a, **{**k, "rows": int(os.environ["RRT_TEST_ROWS"])})
    sys.exit(main())
