"""What a process-mining tool that we did not write finds in exported logs, as JSON; run by the Python of its own environment.

    python process_mining.py LOG.xes LOG.ocel.json

PM4Py is AGPL and no dependency: it is installed apart (`make` does it), runs in a process of its own, and nothing of it is imported here.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from typing import Any

warnings.simplefilter("ignore")


def of_xes(path: str) -> dict[str, Any]:
    from pm4py.objects.log.importer.xes import importer

    quiet = {"show_progress_bar": False}
    log = importer.apply(path, variant=importer.Variants.ITERPARSE, parameters=quiet)
    plain = importer.apply(path, variant=importer.Variants.CHUNK_REGEX, parameters=quiet)  # its usual reader, which drops what is nested
    flags = []
    for trace in log:
        for event in trace:
            for key, found in event.items():
                if key.startswith("flag_"):
                    # It looks for what is nested as soon as it meets a tag: at the end of a block it has not come to it yet.
                    nested = (
                        {"nested": True, "status": found["value"], **found["children"]} if isinstance(found, dict) else {"status": found}
                    )
                    flags.append({"case": trace.attributes["concept:name"], "rule": key[5:], **nested})
    return {
        "traces": len(log),
        "events": sum(len(trace) for trace in log),
        "kinds": Counter(event["concept:name"] for trace in log for event in trace),
        "attributes": Counter(key for trace in log for event in trace for key in event if not key.startswith("flag_")),
        "times": [str(event["time:timestamp"]) for trace in log for event in trace],
        "counted": {t.attributes["concept:name"]: {k: v for k, v in t.attributes.items() if k.startswith("flags")} for t in log},
        "flags": flags,
        "log": dict(log.attributes.items()),
        "classifiers": log.classifiers,
        "plain": {
            "traces": len(plain),
            "events": sum(len(trace) for trace in plain),
            "flags": Counter(value for trace in plain for event in trace for key, value in event.items() if key.startswith("flag_")),
        },
    }


def of_ocel(path: str) -> dict[str, Any]:
    import pm4py

    log = pm4py.read_ocel2_json(path)
    duties = log.objects[log.objects["ocel:type"] == "duty"].dropna(axis=1, how="all")
    return {
        "events": len(log.events),
        "objects": Counter(log.objects["ocel:type"]),
        "kinds": Counter(log.events["ocel:activity"]),
        "attributes": {name: int(log.events[name].notna().sum()) for name in log.events if not name.startswith("ocel:")},
        "qualifiers": Counter(log.relations["ocel:qualifier"]),
        "statuses": Counter(duties["status"]),
        "duties": duties[["ocel:oid", "rule", "status"]].values.tolist(),
        "starts": log.relations[log.relations["ocel:qualifier"] == "starts"][["ocel:oid", "ocel:activity"]].values.tolist(),
    }


if __name__ == "__main__":
    print("READ " + json.dumps({"xes": of_xes(sys.argv[1]), "ocel": of_ocel(sys.argv[2])}, default=str))
