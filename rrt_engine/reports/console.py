"""Paragraphs on a terminal or in a pipe: wrapped to the width, with nothing after the last word of a line."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def say(console: Console, text: str, style: str = "", indent: int = 0, hang: int = 0) -> None:
    """A paragraph, wrapped to the width; every line after the first is `hang` further in."""
    in_lines(console, Text(text, style), indent, indent + hang)


def in_lines(console: Console, text: Text, indent: int, rest: int) -> None:
    """Text in lines as wide as the console, with nothing after the last word of each."""
    lines = text.wrap(console, max(console.width - max(indent, rest), 20))
    for i, line in enumerate(lines):
        line.rstrip()
        console.print(Text(" " * (rest if i else indent)) + line, no_wrap=True, crop=False, overflow="ignore")
