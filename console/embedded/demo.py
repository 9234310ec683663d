"""The main job as a chain of runs in the console, driven over its public REST API."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from console.embedded.api import Api, ApiError, Run
from console.embedded.errors import StopRequested
from console.embedded.progress import Line, Screen, clock, table
from console.embedded.stack import Access, describe
from console.embedded.state import ROOT

RECIPES = ROOT / "mlcore" / "recipes" / "demo"
POLL_S = 0.5
SILENCE_S = 120.0
"""how long the console may be away (it is restarted when it dies) before the demo gives up"""


@dataclass(frozen=True)
class Step:
    """One run of the chain. `inputs` maps a dotted path of the config to `step/output`;
    `after` names steps that come first without giving anything."""

    key: str
    title: str
    recipe: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        return {source.partition("/")[0] for source in self.inputs.values()} | set(self.after)


def predict_step(system: str, title: str, **model: str) -> Step:
    """A predict run of one system. They wait for the training, which wants every core."""
    inputs = {"dataset": "synth/dataset", **{k.replace("__", "."): v for k, v in model.items()}}
    return Step(f"predict-{system}", title, f"predict-{system}.yaml", inputs, after=("sft",))


STEPS = (
    Step("synth", "Render scenes", "synth.yaml"),
    Step("sft", "Fine-tune", "sft.yaml", {"data.dataset": "synth/dataset"}),
    predict_step("tuned", "Predict: fine-tuned", system__model="sft/model"),
    predict_step("base", "Predict: base"),
    predict_step("untrained", "Predict: untrained"),
    predict_step("constant", "Predict: constant"),
    Step(
        "evaluate", "Evaluate", "evaluate.yaml",
        {
            "dataset": "synth/dataset",
            "predictions.tuned": "predict-tuned/predictions",
            "predictions.base": "predict-base/predictions",
            "predictions.untrained": "predict-untrained/predictions",
            "predictions.constant": "predict-constant/predictions",
        },
    ),
    Step("gate", "Gate", "gate.yaml", {"evaluation": "evaluate/evaluation"}),
    Step(
        "sft-verdicts", "Fine-tune: verdicts", "sft-verdicts.yaml",
        {
            "model.checkpoint": "sft/model",
            "data.targets.0.dataset": "synth/dataset",
            "data.sources.0.dataset": "synth/dataset",
        },
        # It wants every core too; what came before is answered first.
        after=("evaluate",),
    ),
    Step(
        "stage-a", "Summaries", "stage-a.yaml",
        {"source.dataset": "synth/dataset", "system.model": "sft-verdicts/model"},
    ),
    Step(
        "stage-b", "Verdicts", "stage-b.yaml",
        {"summaries.0": "stage-a/summaries", "backend.model": "sft-verdicts/model"},
    ),
    Step("gate-verdicts", "Verdict gate", "gate-verdicts.yaml", {"verdicts": "stage-b/verdicts"}),
)


@dataclass
class Progress:
    """Where a step is. `ended` is set once it is over."""

    step: Step
    uid: str = ""
    run: Run | None = None
    started: float = 0.0
    ended: float | None = None
    refused: str = ""

    @property
    def state(self) -> str:
        if self.refused:
            return "refused"
        return "not run" if self.run is None else self.run.state

    @property
    def succeeded(self) -> bool:
        return self.run is not None and self.run.state == "succeeded"

    def line(self) -> Line:
        """This step as the screen shows it."""
        run = self.run
        share = note = None
        if run is not None and run.active:
            share = run.done / run.total if run.total else None
            note = f"{run.done:g}/{run.total:g} {run.unit}" if run.total else run.sentence
        elif run is not None:
            note = figures_of(run)
        end = self.ended or time.monotonic()
        return Line(self.step.title, self.state, share, note or "", end - self.started)


def figures_of(run: Run, most: int = 4) -> str:
    """The first headline numbers of a run in a line."""
    return ", ".join(f"{name} {text}" for name, text in run.figures[:most])


class Demo:
    """Launches every step as soon as what it needs has succeeded, and follows it."""

    def __init__(
        self, api: Api, screen: Screen, stop_event: threading.Event,
        steps: tuple[Step, ...] = STEPS, recipes: Path = RECIPES,
    ) -> None:
        self._api = api
        self._screen = screen
        self._stop = stop_event
        self._recipes = recipes
        self._heard = time.monotonic()
        self.progress = {step.key: Progress(step) for step in steps}

    def run(self) -> bool:
        """Do the chain; true when every step succeeded. Raises StopRequested on Ctrl-C."""
        while self._launch_ready() or self._active():
            if self._stop.wait(POLL_S):
                raise StopRequested
            self._follow()
            self._screen.show([p.line() for p in self._active()])
        return all(p.succeeded for p in self.progress.values())

    def _active(self) -> list[Progress]:
        return [p for p in self.progress.values() if p.uid and p.ended is None]

    def _launch_ready(self) -> bool:
        launched = False
        for item in self.progress.values():
            waiting = not item.uid and not item.refused
            if waiting and all(self.progress[key].succeeded for key in item.step.needs):
                self._launch(item)
                launched = True
        return launched

    def _launch(self, item: Progress) -> None:
        step = item.step
        inputs = {path: self._reference(source) for path, source in step.inputs.items()}
        item.started = time.monotonic()
        try:
            text = (self._recipes / step.recipe).read_text(encoding="utf-8")
            item.uid = self._api.launch(f"demo: {step.title.lower()}", step.recipe, text, inputs)
        except (ApiError, OSError) as error:
            item.refused = str(error)
            item.ended = time.monotonic()
            self._screen.finish(item.line())

    def _reference(self, source: str) -> str:
        key, _, output = source.partition("/")
        return f"run:{self.progress[key].uid}/{output}"

    def _follow(self) -> None:
        for item in self._active():
            try:
                item.run = self._api.run(item.uid)
            except httpx2.TransportError:
                # The watcher restarts a console that died; the runs go on meanwhile.
                if time.monotonic() - self._heard > SILENCE_S:
                    raise
                return
            self._heard = time.monotonic()
            if not item.run.active:
                item.ended = time.monotonic()
                self._screen.finish(item.line())

    def failure_report(self) -> str:
        """For each step that failed: its sentence, its hint and the end of its log."""
        parts = []
        for item in self.progress.values():
            if item.refused:
                parts.append(f"{item.step.title} was refused: {item.refused}")
            elif item.run is not None and not item.succeeded:
                parts.append(self._explain(item.step, item.run))
        return "\n\n".join(parts)

    def _explain(self, step: Step, run: Run) -> str:
        lines = [f"{step.title} {run.state}: {run.sentence}"]
        if run.hint:
            lines.append(f"Hint: {run.hint}")
        try:
            tail = self._api.log_tail(run.uid)
        except (ApiError, httpx2.TransportError) as error:
            tail = f"(the log cannot be read: {error})"
        return "\n".join([*lines, "The log ends with:", *tail.splitlines()])

    def table(self) -> str:
        """Every step with its state, its time and its figures."""
        rows = []
        for item in self.progress.values():
            seconds = 0.0 if item.ended is None else item.ended - item.started
            figures = figures_of(item.run, most=6) if item.run is not None else ""
            rows.append((item.step.title, item.state, clock(seconds), figures))
        return table(("step", "state", "time", "figures"), rows)


def run_demo(access: Access, stop_event: threading.Event) -> int:
    """Run the chain in a started console; 0 when every step succeeded."""
    print(f"Console: {access.url}\n", flush=True)
    api = Api(access.url, access.api_token, access.project)
    demo = Demo(api, Screen(), stop_event)
    try:
        succeeded = demo.run()
        print(f"\n{demo.table()}\n", flush=True)
        if not succeeded:
            sys.stderr.write(f"{demo.failure_report()}\n\n")
    finally:
        api.close()
    print(describe(access), flush=True)
    return 0 if succeeded else 1
