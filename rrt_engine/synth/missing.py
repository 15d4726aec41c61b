"""Missing episodes of some young people, and the return interviews after them."""

from __future__ import annotations

import numpy as np

from rrt_engine.synth.draw import Draw, Ints, Punctual, series
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.front_door import HOUR
from rrt_engine.synth.record import Record, reference


def missing(draw: Draw, f: Figures, rec: Record, child: Ints, begin: Ints, end: Ints) -> None:
    """Missing episodes of some young people, and the return interviews after them."""
    s, n = f.settings, len(child)
    often = 8 + 110 * draw.rng.random(n) ** 2.2

    def again(day: Ints, r: Ints, _number: Ints | int) -> Ints:
        return day + 3 + (-np.log1p(-draw.rng.random(len(r)) * 0.999) * often[r]).astype(np.int64)

    count = 1 + draw.spread(s["missing_more"], n)
    start = np.minimum(begin + draw.whole(5, 400, n), end)
    r, days, number = series(start - 10, end - 8, again, 60)
    ok = number < count[r]
    r, days, number = r[ok], days[ok], number[ok]
    m = len(r)
    at = draw.evening(m)
    away = np.minimum(2 + draw.spread(14, m), 47) * HOUR + 300 * draw.whole(0, 11, m)
    ref = reference(6, begin[r] % 97 * 100 + number + 1)
    who = child[r]
    rec.emit("missing_episode_started", who, days, second=at, ref=ref)
    back = at + away
    dated = draw.chance(0.12, m)
    rec.emit("missing_episode_ended", who, np.where(dated, days + back // 86_400, days), second=np.where(dated, -1, back), ref=ref)
    offered = draw.chance(s["interview_offered"], m)
    soon = draw.chance(s["interview_offered_in_time"], m)
    wait = np.where(soon, 10 + draw.whole(0, 58, m), 76 + draw.spread(40, m)) * HOUR
    offer = back + wait
    offer = np.where(offer % 86_400 < 8 * HOUR, offer - offer % 86_400 + 9 * HOUR, offer)
    rec.emit("rhi_offered", who, days, second=offer, ref=ref, keep=offered)
    done = offered & draw.chance(s["interview_completed"], m)
    taken = np.where(
        draw.chance(s["interview_in_time"], m), np.minimum(offer + 2 * HOUR, back + 71 * HOUR), offer + (20 + draw.spread(60, m)) * HOUR
    )
    rec.emit("rhi_completed", who, days, second=np.maximum(taken, offer), ref=ref, keep=done)
    rec.emit("rhi_declined", who, days + (offer + 86_400) // 86_400, ref=ref, keep=offered & ~done & draw.chance(0.9, m))
    third = (number >= 2) & draw.chance(0.9, m)
    rec.emit("missing_strategy_meeting_held", who, draw.within(days, 5, Punctual(0.72, 1, 4)), keep=third)
