"""Where the templates of the pages lie, and their style, script and pictures."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
