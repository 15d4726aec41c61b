"""Settings for every test: generated cases are the same on each run, so that the gate says the same of the same tree.

Set RRT_RANDOM=1 to look for new ones; RRT_EXAMPLES=2000 looks longer in the comparison of engine and oracle.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("new", deadline=None, print_blob=True)
settings.load_profile("new" if os.environ.get("RRT_RANDOM") else "same")
