"""`python -m rrt_engine` (or `py -m rrt_engine` on Windows) is `rrt`."""

from rrt_engine.cli import main

main()
