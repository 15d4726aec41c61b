"""Replay on Apache Spark: the same chunk function, over partitions that hold whole children. What a rule means is not known here.

`on_spark` does the work of the pool of processes: a Spark task a part, which reads the part and writes its flags and its receipt
into the folder of the run, so that the run is the same to the byte. `flags_of_dataframe` is for a data lake: a DataFrame of
events in, flags and what was rejected out. Spark brings each child's events together and sorts them; `mapInArrow` hands them
over in batches, of which chunks of whole children are made, so that what a task holds is bounded. docs/spark.md tells how to use both.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrt_engine.calendar import NO_DAY
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.paths import RULES
from rrt_engine.replay.chunk import Chunk, Log, Settings, book_of, flags_of_table
from rrt_engine.replay.flag_rows import Whole, empty_rows
from rrt_engine.replay.partition import Part
from rrt_engine.replay.pool import CutOff, Failed, tried
from rrt_engine.replay.run_folder import JOURNAL
from rrt_engine.replay.runner import Engine, Task, replay_part
from rrt_engine.sources.covers import coverage_beside
from rrt_engine.sources.event_log import log_from_table
from rrt_engine.sources.event_log_columns import as_moments
from rrt_engine.sources.event_log_files import COLUMNS, heading, table_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS = 500_000
"""About how many events a task holds at a time: whole children, and more only where one child alone has more."""
_WAVES = 8  # parts that Spark is given at once, for each that it can do at a time
_BATCH = 10_000  # rows handed to Spark together
_BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
_TYPES = {"string": "string", "date32[day]": "date", "bool": "boolean", "int8": "tinyint", "int32": "int", "int64": "bigint"}
_REJECTED = {"source": "string", "row": "int64", "why": "string"}
_SAID = {"severity": "string", "code": "string", "message": "string", "help": "string"}
_SEEN = {"midnight": "bool", "only": "bool", "kind": "string"}
_DONE = {"place": "int64", "why": "string", "stops": "bool"}
_COUNTED = dict.fromkeys(("read", "used", "rejected", "children", "events", "flags", "after_as_of"), "int64")


@dataclass(frozen=True)
class Evaluated:
    """What Spark was asked to find. Nothing runs until something is read from it, and then all of it: see `rows`.

    `rows` has four columns, of which each row fills one: `flag`, `rejected`, `said` and `counted`. Persist it, or write it once
    and read it back, where more than one of them is wanted, so that the rules run once.
    """

    rows: DataFrame

    @property
    def flags(self) -> DataFrame:
        """One row a duty, with the columns of flag_rows.COLUMNS."""
        return self._of("flag")

    @property
    def rejected(self) -> DataFrame:
        """The records that could not be used: source, row and why."""
        return self._of("rejected")

    @property
    def diagnostics(self) -> DataFrame:
        """What there is to say about the records, each thing as often as a chunk said it."""
        return self._of("said")

    def counts(self) -> dict[str, int]:
        """How many records were read, used and rejected (read = used + rejected), and children, events and flags."""
        from pyspark.sql import functions as F

        sums = self._of("counted").agg(*(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in _COUNTED)).collect()[0]
        return {name: int(sums[name]) for name in _COUNTED}

    def _of(self, name: str) -> DataFrame:
        return self.rows.where(f"{name} is not null").select(f"{name}.*")


def flags_of_dataframe(
    events: DataFrame,
    settings: Settings,
    name: str = "events",
    covers: Mapping[str, Any] | None = None,
    partitioned: bool = False,
    rows: int = ROWS,
) -> Evaluated:
    """The flags of a DataFrame of events, with the columns of an event log (docs/event-log.md), in any order.

    `covers` says what the events cover, as in a covers file. With `partitioned` the caller knows that each partition holds whole
    children, and nothing is moved between them. Events of one child at one moment stand in the order of `origin` and
    `origin_row` where the DataFrame has these, else of all their columns, since a DataFrame has no order of its own. Raises
    InputError where it has not the columns of an event log.
    """
    columns = _needed(events, name)
    child = columns["child_id"]
    if dict(events.dtypes)[child] == "string":  # ids are read without blanks around them, so they are brought together without
        from pyspark.sql import functions as F

        trimmed = F.btrim(child, F.lit(_BLANKS))
        events = events.withColumn(child, F.when(trimmed != "", trimmed))
    numbered = "origin_row" in map(heading, events.columns)
    ordering = [c for c in events.columns if heading(c) in ("origin", "origin_row")] if numbered else events.columns
    sent = _sent(settings)
    log = _looked(events, columns, sent, Log(name, covers))
    whole = events if partitioned else events.repartition(child)
    whole = whole.sortWithinPartitions(child, *(c for c in ordering if c != child))
    evaluate = partial(_evaluated, sent=sent, log=log, child=child, rows=rows, numbered=numbered)
    flag = {field.name: str(_plain_type(field.type)) for field in empty_rows().schema}
    return Evaluated(_map(whole, evaluate, {"flag": flag, "rejected": _REJECTED, "said": _SAID, "counted": _COUNTED}))


@contextmanager
def session(master: str, config: Mapping[str, str] = {}) -> Iterator[SparkSession]:
    """The Spark that is running in this process, or one on `master`, which is stopped in the end. Raises InputError where none starts.

    On this machine (`local[...]`) it listens on loopback only, shows no page, and runs this Python.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise _no_spark("PySpark is not installed", "pip install 'rrt-engine[spark]'") from None
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    builder = SparkSession.builder.master(master).appName("rrt")
    if master.startswith("local"):  # Spark takes these three from the environment alone
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        config = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false", **config}
    for name, value in {"spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR", **config}.items():
        builder = builder.config(name, value)
    try:
        with _without_pandas():
            made = builder.getOrCreate()
    except _errors() as error:
        why = str(error).splitlines()[0][:200]
        raise _no_spark(f"Spark cannot be started on `{master}`: {why}", "it needs Java 17, found by PATH or JAVA_HOME") from None
    try:
        yield made
    finally:
        made.stop()


def on_spark(spark: SparkSession, work: Callable[..., None] = replay_part) -> Engine:
    """The engine of `runner.run` that replays each part in a task of Spark. Every machine must see the folder and the parts by their paths.

    A part that fails in its task is tried again there, and then set aside. Where a task dies, and its process with it, Spark gives
    up the whole job: each part that is not done is then tried alone, and only one that dies again is set aside.
    """

    def engine(tasks: Sequence[Task]) -> Iterator[tuple[int, Failed | None]]:
        sent = [_task(task) for task in tasks]
        together = _WAVES * spark.sparkContext.defaultParallelism
        for first in range(0, len(sent), together):
            places = range(first, min(first + together, len(sent)))
            try:
                done = _job(spark, work, sent, places)
            except _errors() as error:
                _still_there(spark, error)
                done = {place: _alone(spark, work, sent, place) for place in places}
            yield from done.items()

    return engine


def _job(spark: SparkSession, work: Callable[..., None], tasks: Sequence[_Task], places: Sequence[int]) -> dict[int, Failed | None]:
    """Replay some of the parts at once, each in a task of its own; the place of each, and why it could not be done."""
    frame = spark.range(0, len(places), 1, len(places))
    function = partial(_replayed, work=work, tasks=[(place, tasks[place]) for place in places])
    rows = [row["done"] for row in _map(frame, function, {"done": _DONE}).collect()]
    found = {row["place"]: None if row["why"] is None else Failed(row["why"], row["stops"]) for row in rows}
    elsewhere = Failed("what Spark's tasks write is not in the folder of the run: name one that every machine shares", True)
    return {place: found[place] or (None if _receipt(tasks[place]).is_file() else elsewhere) for place in places}


def _alone(spark: SparkSession, work: Callable[..., None], tasks: Sequence[_Task], place: int) -> Failed | None:
    """Replay a part in a job of its own, unless it is done."""
    if _receipt(tasks[place]).is_file():
        return None
    try:
        return _job(spark, work, tasks, [place])[place]
    except _errors() as error:
        _still_there(spark, error)
        return Failed("the Spark task that replayed it died twice, as when memory runs out")


def _replayed(batches: Iterator[Any], work: Callable[..., None], tasks: Sequence[tuple[int, _Task]]) -> Iterator[Any]:
    """In a task of Spark: replay the parts whose numbers are in the batches."""
    import pyarrow as pa

    for batch in batches:
        for number in batch.column(0).to_pylist():
            place, task = tasks[number]
            failed = tried(lambda part, log, sent, folder: work(part, log, sent.here(), folder), task, 2)
            row = {"place": place, "why": failed and failed.why, "stops": failed is not None and failed.stops}
            yield pa.RecordBatch.from_arrays([pa.array([row], pa.struct(list(_DONE.items())))], ["done"])


_Task = tuple[Part, Log, "_Sent", Path]


def _task(task: Task) -> _Task:
    """A task as it is sent: with whole paths, since a task of Spark runs in a folder of its own."""
    part, log, settings, folder = task
    return replace(part, file=part.file.resolve()), log, _sent(settings), folder.resolve()


def _receipt(task: _Task) -> Path:
    return task[3] / JOURNAL / f"{task[0].name}.json"


def _still_there(spark: SparkSession, error: Exception) -> None:
    """Go on only where Spark still does what it is asked. Raises CutOff where it does not."""
    try:
        spark.range(1).collect()
    except _errors():
        raise CutOff(f"Spark cannot go on ({type(error).__name__})") from None


def _errors() -> tuple[type[Exception], ...]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return PySparkException, Py4JError, ConnectionError


def _no_spark(message: str, help: str) -> InputError:
    return InputError([Diagnostic("--engine spark", 0, 0, "spark", message, help=help)])


# ---------------------------------------------------------------------------------------------- what goes to the tasks


@dataclass(frozen=True)
class _Sent:
    """Settings as they are sent to a task. `packaged` says that the rules are those that came with rrt, wherever that is at the task."""

    settings: Settings
    packaged: bool
    digest: str

    def here(self) -> Settings:
        """The settings, where the task runs. Raises InputError where the rule set there is another."""
        settings = replace(self.settings, rules=RULES) if self.packaged else self.settings
        found = book_of(settings.rules, settings.changes).digest
        if found != self.digest:
            help = "install the same version of rrt everywhere, or name a folder of rules that every task can read"
            message = f"the rule set where the task runs has the digest `{found}`, and that of the driver `{self.digest}`"
            raise InputError([Diagnostic(str(settings.rules), 0, 0, "rules", message, help=help)])
        return settings


def _sent(settings: Settings) -> _Sent:
    where = settings.rules.resolve()
    return _Sent(replace(settings, rules=where), where == RULES, book_of(settings.rules, settings.changes).digest)


def _map(frame: DataFrame, function: Callable[[Iterator[Any]], Iterator[Any]], columns: Mapping[str, Mapping[str, str]]) -> DataFrame:
    """A function over the Arrow batches of each partition; every column it gives is a struct of fields with these Arrow types."""
    schema = ", ".join(f"{name} struct<{', '.join(f'{f}: {_TYPES[t]}' for f, t in fields.items())}>" for name, fields in columns.items())
    with _without_pandas():
        return frame.mapInArrow(function, schema)


@contextmanager
def _without_pandas() -> Iterator[None]:
    """PySpark asks for pandas and warns of its newer versions; what goes this way is Arrow alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


def _needed(events: DataFrame, name: str) -> dict[str, str]:
    """What the columns that an event log must have are called here. Raises InputError where there is none, or ids are no ids."""
    import pyarrow as pa

    table_of(pa.Table.from_arrays([pa.array([], pa.string()) for _ in events.columns], names=events.columns), name)
    named = {heading(column): column for column in events.columns}
    found = {wanted: next(named[other] for other in others if other in named) for wanted, others in COLUMNS.items()}
    child = found["child_id"]
    kind = str(dict(events.dtypes)[child])
    if kind not in ("string", "bigint", "int", "smallint", "tinyint"):
        message = f"`{child}` is of the type `{kind}`; expected text or whole numbers"
        help = f'cast it first: events.withColumn("{child}", events["{child}"].cast("string"))'
        raise InputError([Diagnostic(name, 0, 0, "child_type", message, help=help)])
    return found


# ------------------------------------------------------------------------------------------- what is true of all the events


def _looked(events: DataFrame, columns: Mapping[str, str], sent: _Sent, log: Log) -> Log:
    """What is true of all the events and cannot be seen in a part of them; Spark reads a few columns once where it is needed."""
    latest = [column for column in events.columns if heading(column) == "latest_only"]
    at = dict(events.dtypes)[columns["at"]]
    snapshot = (log.covers or {}).get("kind") == "snapshot"
    if at in ("date", "timestamp") and not latest:
        return replace(log, midnight=False, whole=Whole(only_latest=snapshot))
    few = events.select(columns["at"], *([columns["child_id"], columns["event"], *latest] if latest else []))
    found = _map(few, partial(_seen, sent=sent, log=log, latest=bool(latest)), {"seen": _SEEN})
    rows = [row["seen"] for row in found.distinct().collect()]
    midnight = {row["midnight"] for row in rows} - {None} == {True}
    if not latest:
        return replace(log, midnight=midnight, whole=Whole(only_latest=snapshot))
    only = {row["only"] for row in rows} - {None} == {True}
    return replace(log, midnight=midnight, whole=Whole(frozenset(row["kind"] for row in rows if row["kind"] is not None), only))


def _seen(batches: Iterator[Any], sent: _Sent, log: Log, latest: bool) -> Iterator[Any]:
    """For each batch whether every time in it is midnight, and with `latest` which kinds of event it holds as latest dates."""
    import pyarrow as pa

    settings = sent.here()
    book = book_of(settings.rules, settings.changes)
    coverage, snapshot = coverage_beside(Path(log.name), book, log.covers or {})
    kind = pa.struct(list(_SEEN.items()))
    for batch in batches:
        at = as_moments(pa.chunked_array([batch.column(0)]))
        said: list[tuple[bool | None, bool | None, str | None]] = []
        if bool((at.day != NO_DAY).any()):
            said.append((at.all_midnight, None, None))
        if latest:
            read = log_from_table(table_of(pa.Table.from_batches([batch]), log.name), book, coverage, snapshot, False).log
            whole = Whole.of(read)
            said += [(None, whole.only_latest, None)] if len(read) else []
            said += [(None, None, each) for each in sorted(whole.latest)]
        rows = [dict(zip(_SEEN, row, strict=True)) for row in said]
        yield pa.RecordBatch.from_arrays([pa.array(rows, kind)], ["seen"])


# --------------------------------------------------------------------------------------------------------- in the tasks


def _evaluated(batches: Iterator[Any], sent: _Sent, log: Log, child: str, rows: int, numbered: bool) -> Iterator[Any]:
    """What the chunk function says of the whole children in a partition, a chunk at a time."""
    settings = sent.here()
    for events in whole_children(batches, child, rows):
        yield from _batches(flags_of_table(events, settings, log), numbered)


def whole_children(batches: Iterator[Any], child: str, rows: int) -> Iterator[Any]:
    """Tables of whole children, of about `rows` rows, out of batches in which the rows of each child stand together.

    One child's rows are never parted, however many they are. Rows without a child, which are null, may be.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    held: list[Any] = []
    n = 0
    for batch in batches:
        ids = batch.column(child)
        if n >= rows and len(ids):
            last = held[-1].column(child)[-1]
            same = pc.equal(ids, last).fill_null(False)
            if (cut := pc.index(same, pa.scalar(False)).as_py() if last.is_valid else 0) >= 0:
                yield pa.Table.from_batches([*held, batch.slice(0, cut)])
                held, n, batch = [], 0, batch.slice(cut)
        if len(batch):
            held.append(batch)
            n += len(batch)
    if held:
        yield pa.Table.from_batches(held)


def _batches(chunk: Chunk, numbered: bool) -> Iterator[Any]:
    """A chunk as the rows of Evaluated. Without row numbers in the events, places in a chunk are no places in a source."""
    import pyarrow as pa

    flags, rejected = _plain(chunk.flags), chunk.rejected
    if not numbered:
        for column in ("trigger_row", "answer_row"):
            flags = flags.set_column(flags.schema.get_field_index(column), column, pa.nulls(len(flags), flags.schema.field(column).type))
        rejected = rejected.set_column(1, "row", pa.nulls(len(rejected), pa.int64()))
    said = pa.table({name: pa.array([getattr(d, name) for d in chunk.diagnostics], pa.string()) for name in _SAID})
    counts = (chunk.read, chunk.used, len(rejected), chunk.children, chunk.events, len(flags), chunk.after_as_of)
    counted = pa.table({name: pa.array([n], pa.int64()) for name, n in zip(_COUNTED, counts, strict=True)})
    parts = {"flag": flags, "rejected": rejected, "said": said, "counted": counted}
    kinds = {name: pa.struct(list(table.schema)) for name, table in parts.items()}
    for filled, table in parts.items():
        for batch in table.to_batches(max_chunksize=_BATCH):
            structs = [batch.to_struct_array() if name == filled else pa.nulls(len(batch), kind) for name, kind in kinds.items()]
            yield pa.RecordBatch.from_arrays(structs, list(parts))


def _plain(table: Any) -> Any:
    """A table whose text is not in codes, which Spark does not read."""
    import pyarrow as pa

    return table.cast(pa.schema([(field.name, _plain_type(field.type)) for field in table.schema]))


def _plain_type(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind
