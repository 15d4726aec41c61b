"""The same workload by this engine and by what people would use instead. Each returns its own result and how to compare it.

`run(path)` does the whole job from the Parquet file; `canonical(result)` turns it into the tables of `workload.py`, outside
the measured time. Working-day look-up tables are given to every engine that can use them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from workload import AS_OF, CODE, DEADLINES, EVENTS, RECURRING, WIDTH, WINDOWS, read_columns, working_day_tables

RULES = Path(__file__).parent / "rules"


@dataclass(frozen=True)
class Engine:
    run: Callable[[Path], Any]
    canonical: Callable[[Any], dict[str, Any]]


# ---------------------------------------------------------------------------------------------------- ours


@cache
def book_rrt() -> Any:
    """The workload's rules, loaded once."""
    from rrt_engine.rulebook.load import load

    return load(RULES)


def run_rrt(path: Path) -> Any:
    """The engine through its rule files: read, evaluate, every evidence column out."""
    from rrt_engine.calendar import Moment
    from rrt_engine.sources.event_log import read_event_log
    from rrt_engine.timescales.evaluate import evaluate

    log = read_event_log(path, book_rrt()).log
    return log, evaluate(log, book_rrt(), Moment(AS_OF))


def canonical_rrt(result: Any) -> dict[str, Any]:
    """Flags as the workload's tables."""
    tables = columns_rrt(*result)
    return {name: np.concatenate([np.column_stack([np.full(len(c[0]), n), *c]) for n, *c in parts]) for name, parts in tables.items()}


def columns_rrt(log: Any, found: Any) -> dict[str, list[list[Any]]]:
    """Flags as the columns of the workload's tables, rule by rule; the first is the rule's number.

    Gaps are measured between the start and the answer or end that each flag names.
    """
    flags = found.flags
    ids = np.asarray(log.children).astype(np.int64)
    first, upto, _ = working_day_tables()
    days = np.append(log.day, np.int32(-1))
    tables: dict[str, list[list[Any]]] = {"deadlines": [], "recurring": [], "windows": []}
    for index, rule in enumerate(book_rrt().rules):
        part = slice(*np.searchsorted(flags.rule, np.array([index, index + 1], flags.rule.dtype)))
        number, child = int(rule.id[1:3]), ids.take(log.child.take(flags.trigger[part]))
        start, answer = flags.start[part], days.take(flags.answer[part])
        if rule.id.startswith("d"):
            status = np.array([0, 1, -9, 2, 3, 3, -9, -9], np.int8).take(flags.status[part])
            tables["deadlines"].append([number, child, start, flags.due[part], answer, status])
        elif rule.id.startswith("r"):
            limit, unit = RECURRING[number - 1][4:]
            last = flags.answer[part] < 0
            begin = np.r_[0, np.flatnonzero(last)[:-1] + 1]
            ending = flags.end[part][last]
            end = np.where(ending >= 0, days[ending], np.int32(AS_OF))
            until = answer.copy()
            until[last] = end
            gap = upto[until - first] - upto[start - first] if unit == "wd" else until - start
            visits = np.diff(np.r_[begin, len(child)]) - 1
            over = np.add.reduceat((gap > limit).astype(np.int64), begin)
            longest = np.maximum.reduceat(gap, begin)
            tables["recurring"].append([number, child[begin], start[begin], end, visits, longest, over])
        else:
            begin = np.flatnonzero(np.r_[True, child[1:] != child[:-1]])
            fired = np.diff(np.r_[begin, len(child)])
            tables["windows"].append([number, child[begin], fired, start[begin]])
    return tables


# ---------------------------------------------------------------------------------------------------- NumPy by hand


def run_numpy(path: Path) -> dict[str, Any]:
    """A kernel written by hand for just this workload."""
    base, upto, nth = working_day_tables()
    child, code, day = read_columns(path)
    number = np.cumsum(np.r_[False, child[1:] != child[:-1]]).astype(np.int64)
    ids = child[np.r_[True, child[1:] != child[:-1]]]
    key = (number << 16) | (day - base)
    by = {c: key[code == c] for c in range(len(EVENTS))}
    nth, as_of = nth - base, AS_OF - base
    deadlines, recurring, windows = [], [], []
    for rule, trigger, response, n, unit in DEADLINES:
        starts, answers = by[CODE[trigger]], by[CODE[response]]
        who, start = starts >> 16, starts & 0xFFFF
        due = nth[upto[start] + n] if unit == "wd" else start + n
        at = np.searchsorted(answers, starts)
        has = at < len(answers)
        following = answers[np.where(has, at, 0)] if len(answers) else np.zeros_like(starts)
        has &= (following >> 16) == who
        answer = np.where(has, following & 0xFFFF, -1)
        status = np.where(has, np.where(answer <= due, 0, 1), np.where(as_of > due, 2, 3))
        rows = [np.full(len(start), rule), ids[who], start + base, due + base, np.where(has, answer + base, -1), status]
        deadlines.append(np.column_stack(rows))
    for rule, opening, visit, closing, limit, unit in RECURRING:
        starts, visits, ends = by[CODE[opening]], by[CODE[visit]], by[CODE[closing]]
        who, start = starts >> 16, starts & 0xFFFF
        at = np.searchsorted(ends, starts)
        has = at < len(ends)
        following = ends[np.where(has, at, 0)] if len(ends) else np.zeros_like(starts)
        has &= (following >> 16) == who
        end = np.where(has, following & 0xFFFF, as_of)
        low = np.searchsorted(visits, starts)
        high = np.maximum(np.searchsorted(visits, (who << 16) | end, "right"), low)
        count = high - low
        width = count + 2
        offset = np.r_[0, np.cumsum(width)]
        points = np.empty(offset[-1], np.int64)
        points[offset[:-1]], points[offset[1:] - 1] = start, end
        inner = np.ones(offset[-1], bool)
        inner[offset[:-1]] = inner[offset[1:] - 1] = False
        points[inner] = visits[np.repeat(low - (offset[:-1] + 1), count) + np.flatnonzero(inner)] & 0xFFFF
        measured = upto[points].astype(np.int64) if unit == "wd" else points
        gaps = np.diff(measured)
        keep = np.ones(len(gaps), bool)
        keep[offset[1:-1] - 1] = False
        gaps = gaps[keep]
        first = np.r_[0, np.cumsum(width - 1)][:-1]
        longest = np.maximum.reduceat(gaps, first) if len(first) else np.zeros(0, np.int64)
        over = np.add.reduceat((gaps > limit).astype(np.int64), first) if len(first) else longest
        recurring.append(np.column_stack([np.full(len(start), rule), ids[who], start + base, end + base, count, longest, over]))
    for rule, event, k, span in WINDOWS:
        keys = by[CODE[event]]
        earlier, later = keys[: len(keys) - k + 1], keys[k - 1 :]
        fired = later[((later >> 16) == (earlier >> 16)) & ((later & 0xFFFF) - (earlier & 0xFFFF) < span)]
        who = fired >> 16
        first = np.flatnonzero(np.r_[True, who[1:] != who[:-1]]) if len(fired) else np.zeros(0, int)
        rows = [np.full(len(first), rule), ids[who[first]], np.diff(np.r_[first, len(fired)]), (fired[first] & 0xFFFF) + base]
        windows.append(np.column_stack(rows))
    return {"deadlines": np.concatenate(deadlines), "recurring": np.concatenate(recurring), "windows": np.concatenate(windows)}


# ---------------------------------------------------------------------------------------------------- Polars


def run_polars(path: Path) -> dict[str, Any]:
    """Lazy Polars, one as-of join a rule, with working-day tables; uses both cores."""
    import warnings

    import polars as pl

    warnings.filterwarnings("ignore", message="Sortedness")
    base, upto, nth = working_day_tables()
    index, days = pl.Series(upto), pl.Series(nth)
    log = pl.scan_parquet(path).select("child_id", pl.col("event").cast(pl.String), "date").collect()
    by = {k[0]: v.select("child_id", "date") for k, v in log.partition_by("event", as_dict=True).items()}
    as_of = dt.date(1970, 1, 1) + dt.timedelta(days=AS_OF)

    def of(event: str) -> Any:
        return by.get(event, log.head(0).select("child_id", "date")).lazy()

    def rank(column: Any) -> Any:
        return pl.lit(index).gather(column.cast(pl.Int32) - base)

    deadlines, recurring, windows = [], [], []
    for rule, trigger, response, n, unit in DEADLINES:
        at = pl.col("date")
        due = pl.lit(days).gather(rank(at) + n).cast(pl.Date) if unit == "wd" else at + pl.duration(days=n)
        late = pl.when(pl.col("answer") <= pl.col("due")).then(0).otherwise(1)
        still = pl.when(pl.lit(as_of) > pl.col("due")).then(2).otherwise(3)
        joined = (
            of(trigger)
            .sort("date")
            .join_asof(of(response).with_columns(answer="date").sort("date"), on="date", by="child_id", strategy="forward")
        )
        status = pl.when(pl.col("answer").is_not_null()).then(late).otherwise(still)
        deadlines.append(
            joined.with_columns(due=due.cast(pl.Date)).select(
                pl.lit(rule, pl.Int64).alias("rule"), "child_id", "date", "due", "answer", status.alias("status")
            )
        )
    for rule, opening, visit, closing, limit, unit in RECURRING:
        ends = of(closing).with_columns(end="date").sort("date")
        spans = of(opening).sort("date").join_asof(ends, on="date", by="child_id", strategy="forward")
        spans = spans.with_columns(pl.col("end").fill_null(as_of)).with_row_index("span")
        inside = spans.join(of(visit).rename({"date": "seen"}), on="child_id").filter(
            (pl.col("seen") >= pl.col("date")) & (pl.col("seen") <= pl.col("end"))
        )
        parts = [
            spans.select("span", p="date", o=pl.lit(0, pl.Int8)),
            inside.select("span", p="seen", o=pl.lit(1, pl.Int8)),
            spans.select("span", p="end", o=pl.lit(2, pl.Int8)),
        ]
        points = (
            pl.concat(parts)
            .sort("span", "p", "o")
            .with_columns(before=pl.col("p").shift().over("span"))
            .filter(pl.col("before").is_not_null())
        )
        gap = (
            (rank(pl.col("p")) - rank(pl.col("before"))).cast(pl.Int64)
            if unit == "wd"
            else (pl.col("p") - pl.col("before")).dt.total_days()
        )
        sums = (
            points.with_columns(gap=gap)
            .group_by("span")
            .agg(
                (pl.len() - 1).cast(pl.Int64).alias("visits"),
                pl.col("gap").max().alias("longest"),
                (pl.col("gap") > limit).sum().cast(pl.Int64).alias("over"),
            )
        )
        recurring.append(
            spans.join(sums, on="span").select(pl.lit(rule, pl.Int64).alias("rule"), "child_id", "date", "end", "visits", "longest", "over")
        )
    for rule, event, k, span in WINDOWS:
        fired = (
            of(event)
            .with_columns(earlier=pl.col("date").shift(k - 1).over("child_id"))
            .filter((pl.col("date") - pl.col("earlier")).dt.total_days() < span)
        )
        windows.append(
            fired.group_by("child_id")
            .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("date").min().alias("first"))
            .select(pl.lit(rule, pl.Int64).alias("rule"), "child_id", "n", "first")
        )
    tables = pl.collect_all([pl.concat(deadlines), pl.concat(recurring), pl.concat(windows)])
    return dict(zip(WIDTH, tables, strict=True))


def canonical_polars(result: dict[str, Any]) -> dict[str, Any]:
    import polars as pl

    return {
        k: v.with_columns(pl.col(pl.Date).cast(pl.Int32)).with_columns(pl.all().cast(pl.Int64)).fill_null(-1).to_numpy()
        for k, v in result.items()
    }


# ---------------------------------------------------------------------------------------------------- DuckDB


def run_duckdb(path: Path) -> dict[str, Any]:
    """SQL with as-of joins and a calendar table, one statement a result table; uses both cores."""
    import duckdb
    import pyarrow as pa

    base, upto, nth = working_day_tables()
    con = duckdb.connect()
    con.execute("set threads = 2; set enable_progress_bar = false")
    con.register("cal_", pa.table({"day": np.arange(base, base + len(upto), dtype=np.int32), "wi": upto}))
    con.register("wd_", pa.table({"wi": np.arange(len(nth), dtype=np.int32), "day": nth}))
    con.execute("create temp table cal as from cal_; create temp table wd as from wd_")
    con.execute(
        "create temp table ev as select child_id c, event::varchar e, seq, (date - date '1970-01-01')::int d from read_parquet(?)",
        [str(path)],
    )
    con.execute("create temp table dl (rule int, a varchar, b varchar, n int, u varchar)")
    con.executemany("insert into dl values (?, ?, ?, ?, ?)", DEADLINES)
    con.execute("create temp table rc (rule int, a varchar, v varchar, z varchar, lim int, u varchar)")
    con.executemany("insert into rc values (?, ?, ?, ?, ?, ?)", RECURRING)
    con.execute("create temp table wn (rule int, a varchar, k int, w int)")
    con.executemany("insert into wn values (?, ?, ?, ?)", WINDOWS)
    deadlines = con.sql(f"""
        with t as (select rule, c, d, b, n, u from ev join dl on e = a),
        r as (select rule, c, d from ev join dl on e = b),
        j as (select t.*, r.d as answer from t asof left join r on t.rule = r.rule and t.c = r.c and t.d <= r.d),
        k as (select j.rule, j.c, j.d, case when u = 'wd' then wd.day else j.d + n end as due, answer
              from j join cal on cal.day = j.d left join wd on wd.wi = cal.wi + n)
        select rule, c, d, due, coalesce(answer, -1) as answer,
          case when answer is not null then case when answer <= due then 0 else 1 end when {AS_OF} > due then 2 else 3 end as status
        from k""").to_arrow_table()
    recurring = con.sql(f"""
        with s0 as (select rule, c, d from ev join rc on e = a),
        z0 as (select rule, c, d from ev join rc on e = z),
        s as (select row_number() over () as span, s0.rule, s0.c, s0.d as s, coalesce(z0.d, {AS_OF}) as e
              from s0 asof left join z0 on s0.rule = z0.rule and s0.c = z0.c and s0.d <= z0.d),
        v0 as (select rule, c, d from ev join rc on e = v),
        p as (select span, s as p, 0 as o from s union all select span, e, 2 from s
              union all select span, d, 1 from s join v0 on s.rule = v0.rule and s.c = v0.c and d between s and e),
        q as (select span, p, lag(p) over (partition by span order by p, o) as before from p),
        g as (select q.span, case when rc.u = 'wd' then c2.wi - c1.wi else p - before end as g, rc.lim
              from q join s using (span) join rc on rc.rule = s.rule join cal c1 on c1.day = before join cal c2 on c2.day = p
              where before is not null),
        a as (select span, count(*) - 1 as visits, max(g) as longest, count(*) filter (g > lim) as over_limit from g group by span)
        select rule, c, s, e, visits, longest, over_limit from s join a using (span)""").to_arrow_table()
    windows = con.sql("""
        with x as (select rule, c, d, w, case k when 2 then lag(d, 1) over seen when 3 then lag(d, 2) over seen end as earlier
                   from ev join wn on e = a window seen as (partition by rule, c order by d, seq))
        select rule, c, count(*) as n, min(d) as first from x where d - earlier < w group by rule, c""").to_arrow_table()
    return {"deadlines": deadlines, "recurring": recurring, "windows": windows}


def canonical_duckdb(result: dict[str, Any]) -> dict[str, Any]:
    return {
        k: np.column_stack([c.to_numpy().astype(np.int64) for c in v.columns]) if v.num_rows else np.zeros((0, WIDTH[k]))
        for k, v in result.items()
    }


# ---------------------------------------------------------------------------------------------------- pandas


def run_pandas(path: Path) -> dict[str, Any]:
    """merge_asof by child, and NumPy's own business-day functions."""
    import holidays
    import pandas as pd

    listed = holidays.country_holidays("GB", subdiv="ENG", years=range(2018, 2026))
    calendar = np.busdaycalendar(holidays=np.array([np.datetime64(d) for d in listed], "datetime64[D]"))
    log = pd.read_parquet(path, columns=["child_id", "event", "date"])
    log["day"] = (
        np.array(log["date"].tolist(), "datetime64[D]").astype("int64")
        if log["date"].dtype == object
        else log["date"].to_numpy().astype("datetime64[D]").astype("int64")
    )
    by = {e: g[["child_id", "day"]].sort_values("day", kind="stable") for e, g in log.groupby("event", observed=True)}

    def of(event: str) -> Any:
        return by.get(event, log.iloc[:0][["child_id", "day"]])

    deadlines, recurring, windows = [], [], []
    for rule, trigger, response, n, unit in DEADLINES:
        joined = pd.merge_asof(of(trigger), of(response).assign(answer=lambda x: x.day), on="day", by="child_id", direction="forward")
        start = joined.day.to_numpy()
        due = (
            np.busday_offset(start.astype("datetime64[D]"), n, roll="backward", busdaycal=calendar).astype("int64")
            if unit == "wd"
            else start + n
        )
        answer = joined.answer.fillna(-1).to_numpy().astype("int64")
        status = np.where(answer >= 0, np.where(answer <= due, 0, 1), np.where(due < AS_OF, 2, 3))
        deadlines.append(
            pd.DataFrame({"rule": rule, "child": joined.child_id, "start": start, "due": due, "answer": answer, "status": status})
        )
    for rule, opening, visit, closing, limit, unit in RECURRING:
        spans = pd.merge_asof(of(opening), of(closing).assign(end=lambda x: x.day), on="day", by="child_id", direction="forward")
        spans["end"] = spans.end.fillna(AS_OF).astype("int64")
        spans["span"] = np.arange(len(spans))
        inside = spans.merge(of(visit).rename(columns={"day": "seen"}), on="child_id")
        inside = inside[(inside.seen >= inside.day) & (inside.seen <= inside.end)]
        parts = [
            pd.DataFrame({"span": f.span, "p": f[c], "o": o}) for f, c, o in ((spans, "day", 0), (inside, "seen", 1), (spans, "end", 2))
        ]
        points = pd.concat(parts).sort_values(["span", "p", "o"], kind="stable")
        points["before"] = points.groupby("span").p.shift()
        points = points.dropna(subset=["before"])
        before, after = points.before.to_numpy().astype("int64"), points.p.to_numpy()
        gap = (
            np.busday_count((before + 1).astype("datetime64[D]"), (after + 1).astype("datetime64[D]"), busdaycal=calendar)
            if unit == "wd"
            else after - before
        )
        sums = (
            pd.DataFrame({"span": points.span, "gap": gap, "over": gap > limit})
            .groupby("span")
            .agg(longest=("gap", "max"), over=("over", "sum"))
        )
        visits = inside.groupby("span").size().reindex(spans.span, fill_value=0).to_numpy()
        recurring.append(
            pd.DataFrame(
                {
                    "rule": rule,
                    "child": spans.child_id,
                    "start": spans.day,
                    "end": spans.end,
                    "visits": visits,
                    "longest": sums.longest.to_numpy(),
                    "over": sums.over.to_numpy(),
                }
            )
        )
    for rule, event, k, span in WINDOWS:
        events = of(event).sort_values(["child_id", "day"], kind="stable")
        earlier = events.groupby("child_id").day.shift(k - 1)
        fired = events[(events.day - earlier) < span].groupby("child_id").day.agg(["size", "min"]).reset_index()
        windows.append(pd.DataFrame({"rule": rule, "child": fired.child_id, "n": fired["size"], "first": fired["min"]}))
    return {"deadlines": pd.concat(deadlines), "recurring": pd.concat(recurring), "windows": pd.concat(windows)}


def canonical_pandas(result: dict[str, Any]) -> dict[str, Any]:
    return {k: v.to_numpy().astype("int64") for k, v in result.items()}


# ---------------------------------------------------------------------------------------------------- durable_rules


def run_durable(path: Path) -> dict[str, Any]:
    """durable_rules 2.0.28 doing the whole job: facts of one child a session, the clock in Python actions.

    Rules with two patterns and no value join, because value joins corrupt its memory.
    """
    from durable import engine
    from durable.engine import MessageNotHandledException

    class Host(engine.Host):  # type: ignore[misc]
        def _run(self) -> None:  # no background threads
            pass

    base, upto_table, nth_table = working_day_tables()
    upto, nth = upto_table.tolist(), nth_table.tolist()
    found: dict[Any, Any] = {}

    def on_trigger(rule: int) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            found.setdefault(("D", rule, c._m["a"]["q"], c._m["a"]["d"]), -1)

        return act

    def on_pair(rule: int) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            trigger, answer = c._m["a"], c._m["b"]
            if answer["d"] >= trigger["d"]:
                key = ("D", rule, trigger["q"], trigger["d"])
                if found.get(key, -1) < 0 or answer["d"] < found[key]:
                    found[key] = answer["d"]

        return act

    def on_start(rule: int) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            found.setdefault(("R", rule, c._m["a"]["q"], c._m["a"]["d"]), [-1, []])

        return act

    def on_end(rule: int) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            start, end = c._m["a"], c._m["b"]
            span = found.setdefault(("R", rule, start["q"], start["d"]), [-1, []])
            if end["d"] >= start["d"] and (span[0] < 0 or end["d"] < span[0]):
                span[0] = end["d"]

        return act

    def on_visit(rule: int) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            start, visit = c._m["a"], c._m["b"]
            span = found.setdefault(("R", rule, start["q"], start["d"]), [-1, []])
            if visit["d"] >= start["d"]:
                span[1].append(visit["d"])

        return act

    def on_seen(rule: int) -> Callable[[Any], None]:
        def act(c: Any) -> None:
            found.setdefault(("W", rule), []).append((c._m["a"]["d"], c._m["a"]["q"]))

        return act

    rules: dict[str, Any] = {}
    for rule, a, b, _, _ in DEADLINES:
        rules[f"D{rule}t"] = {"all": [{"a": {"t": CODE[a]}}], "run": on_trigger(rule)}
        rules[f"D{rule}p"] = {"all": [{"a": {"t": CODE[a]}}, {"b": {"t": CODE[b]}}], "run": on_pair(rule)}
    for rule, a, v, z, _, _ in RECURRING:
        rules[f"R{rule}s"] = {"all": [{"a": {"t": CODE[a]}}], "run": on_start(rule)}
        rules[f"R{rule}v"] = {"all": [{"a": {"t": CODE[a]}}, {"b": {"t": CODE[v]}}], "run": on_visit(rule)}
        rules[f"R{rule}e"] = {"all": [{"a": {"t": CODE[a]}}, {"b": {"t": CODE[z]}}], "run": on_end(rule)}
    for rule, event, _, _ in WINDOWS:
        rules[f"W{rule}"] = {"all": [{"a": {"t": CODE[event]}}], "run": on_seen(rule)}
    rules["zz_end"] = {"all": [{"a": {"t": 99}}], "run": lambda _: None}
    host = Host({"w": rules})
    child_column, code_column, day_column = read_columns(path)
    cuts = [*np.flatnonzero(np.r_[True, child_column[1:] != child_column[:-1]]).tolist(), len(child_column)]
    deadlines, recurring, windows = [], [], []
    for low, high in pairwise(cuts):
        child = int(child_column[low])
        found.clear()
        for q, (t, d) in enumerate(zip(code_column[low:high].tolist(), day_column[low:high].tolist(), strict=True)):
            with suppress(MessageNotHandledException):
                host.assert_fact("w", {"sid": str(child), "t": t, "d": d, "q": q})
        host.assert_fact("w", {"sid": str(child), "t": 99})
        host.delete_state("w", str(child))
        for key, value in found.items():
            if key[0] == "D":
                rule, start = key[1], key[3]
                n, unit = DEADLINES[rule - 1][3:]
                due = nth[upto[start - base] + n] if unit == "wd" else start + n
                status = (0 if value <= due else 1) if value >= 0 else (2 if due < AS_OF else 3)
                deadlines.append((rule, child, start, due, value, status))
            elif key[0] == "R":
                rule, start = key[1], key[3]
                limit, unit = RECURRING[rule - 1][4:]
                end = value[0] if value[0] >= 0 else AS_OF
                seen = sorted(v for v in value[1] if v <= end)
                gaps = [
                    (upto[y - base] - upto[x - base]) if unit == "wd" else y - x for x, y in zip([start, *seen], [*seen, end], strict=True)
                ]
                recurring.append((rule, child, start, end, len(seen), max(gaps), sum(g > limit for g in gaps)))
            else:
                _, k, span = next(w[1:] for w in WINDOWS if w[0] == key[1])
                dates = [d for d, _ in sorted(value)]
                fired = [x for j, x in enumerate(dates) if sum(y > x - span for y in dates[: j + 1]) >= k]
                if fired:
                    windows.append((key[1], child, len(fired), fired[0]))
    return {"deadlines": deadlines, "recurring": recurring, "windows": windows}


def _as_is(result: dict[str, Any]) -> dict[str, Any]:
    return result


ENGINES = {
    "rrt": Engine(run_rrt, canonical_rrt),
    "numpy": Engine(run_numpy, _as_is),
    "polars": Engine(run_polars, canonical_polars),
    "duckdb": Engine(run_duckdb, canonical_duckdb),
    "pandas": Engine(run_pandas, canonical_pandas),
    "durable": Engine(run_durable, _as_is),
}
