"""Our trainer in a process of its own: `python own_side.py CONFIG RUN_DIR SKIP`.

Prints {"seconds", "steps", "peak_bytes"} of the steps after the first SKIP, by the times of the
run's own events.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import datetime
from pathlib import Path

from mlcore.cli import main as mlcore
from mlcore.run.events import read_events


def main() -> None:
    config, folder, skip = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    code = mlcore(["run", config, "--run-dir", str(folder)])
    assert code == 0, f"the run ended with {code}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (events,) = (
        sorted((folder / "events").glob("attempt-1*.jsonl"))
        or sorted((folder / "events").glob("*.jsonl"))[:1]
    )
    at = {
        event["step"]: datetime.fromisoformat(event["time"])
        for event in read_events(events)
        if event["type"] == "metric" and "train/loss" in event["values"]
    }
    last = max(at)
    seconds = (at[last] - at[skip]).total_seconds()
    told = {"seconds": seconds, "steps": last - skip, "peak_bytes": peak}
    sys.stdout.write("\n" + json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
