"""What every reader hands back: the event log, what was rejected and why, and what to tell the person who made the file."""

from __future__ import annotations

from dataclasses import dataclass

from rrt_engine.diagnostics import Diagnostic
from rrt_engine.model import EventLog, Rejected


@dataclass(frozen=True)
class Reading:
    """One file as read. Every record of the file was either used or rejected: nothing is lost silently."""

    log: EventLog
    format: str
    records_read: int
    records_used: int
    rejected: tuple[Rejected, ...]
    diagnostics: tuple[Diagnostic, ...]

    def __post_init__(self) -> None:
        if self.records_read != self.records_used + len(self.rejected):
            raise ValueError(f"{self.records_read} records read, but {self.records_used} used and {len(self.rejected)} rejected")
