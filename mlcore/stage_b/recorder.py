"""Keeps the books of a run: every line of every artifact, windows of figures, and totals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mlcore.run.events import EventWriter, utc_now
from mlcore.stage_b.artifacts import Artifacts
from mlcore.stage_b.learner import Judged, Lesson
from mlcore.stage_b.rows import (
    DecodeRow,
    MalformedRow,
    MetricsRow,
    NeedReviewRow,
    ReportDeltaRow,
    SelectionResult,
    SelectionRow,
    TrajectoryResult,
    TrajectoryRow,
)
from mlcore.stage_b.tally import Confusion, confusion
from mlcore.stage_b.verdict.contract import Spoken
from mlcore.stage_b.verdict.select import Candidate


@dataclass
class Totals:
    """What the report tells. Confusion is of the last epoch."""

    candidates: int = 0
    well_formed: int = 0
    malformed: int = 0
    seconds: float = 0.0


@dataclass
class Recorder:
    """Writes as tickets are judged. `tickets` is how many an epoch has, `epochs` how many there
    are; `seed` is what a decode without one is drawn by."""

    files: Artifacts
    events: EventWriter
    tickets: int
    epochs: int
    logging_steps: int
    seed: int
    clock: Callable[[], str] = utc_now
    """what the time is, ISO 8601"""
    totals: Totals = field(default_factory=Totals)
    last: dict[str, Judged] = field(default_factory=dict)
    """the newest judgement of every ticket"""
    review: dict[str, NeedReviewRow] = field(default_factory=dict)
    """tickets whose label is in doubt, in the newest epoch that said so"""
    _window: list[Judged] = field(default_factory=list)
    _epoch: list[Judged] = field(default_factory=list)
    _steps: int = 0
    _reflection: str | None = None
    _started: float = field(default_factory=time.monotonic)

    def judged(self, batch: Sequence[Judged]) -> None:
        """Candidates of a batch; outcomes follow with `lesson`, once something was learnt."""
        for one in batch:
            self.last[one.decided.ticket.ticket_key] = one
            results = candidate_rows(one, self.seed, self.clock())
            self.files.add("trajectories.jsonl", [_trajectory(one, row) for row in results])
            said = [c.said for c in one.rolled.candidates]
            self.totals.candidates += len(said)
            self.totals.well_formed += sum(isinstance(s, Spoken) for s in said)
            if one.decided.failure is not None:
                self.totals.malformed += 1
                self.files.add("failure_malformed.jsonl", [_malformed(one)])

    def lesson(self, batch: Sequence[Judged], lesson: Lesson) -> None:
        """What followed from a batch: its outcomes and tickets for review."""
        self._learnt(lesson)
        for one in batch:
            self._steps += 1
            self._epoch.append(one)
            self._window.append(one)
            row = selection_of(one, lesson.changed)
            if row is not None:
                self.files.add("selections.jsonl", [self._selection(one, row)])
            if len(self._window) == self.logging_steps:
                self._close_window("logging_steps")

    def routed(self, rows: Sequence[NeedReviewRow]) -> None:
        """Tickets whose label a person should look at."""
        for row in rows:
            self.review[row.ticket_key] = row
            self._reflection = row.reflection_id or self._reflection
        self.files.add("need_review_queue.jsonl", rows)

    def _learnt(self, lesson: Lesson) -> None:
        self.routed(lesson.need_review)
        for key in lesson.withdrawn:
            self.review.pop(key, None)
        for row in lesson.reflections:
            self._reflection = row.reflection.reflection_id
        self.files.add("reflection.jsonl", lesson.reflections)
        self.files.add("hypothesis_events.jsonl", lesson.hypothesis_events)

    def epoch_over(self, lesson: Lesson, suspects: Sequence[NeedReviewRow] = ()) -> Confusion:
        """Close the epoch; returns its counts over all tickets. `suspects` whose label is in doubt
        already keep the row that says so."""
        self._learnt(lesson)
        self.routed([row for row in suspects if row.ticket_key not in self.review])
        if self._window:
            self._close_window("epoch_end_partial")
        whole = self._epoch
        if not whole:
            return Confusion()
        rates = self._rates(whole)
        self.files.add(
            "metrics.jsonl",
            [
                MetricsRow(
                    event="epoch_end",
                    epoch=whole[0].epoch,
                    epoch_step_start=1,
                    epoch_step_end=len(whole),
                    global_step=self._steps,
                    logging_steps=self.logging_steps,
                    exclude_manual_review=rates[0].rates(),
                    include_manual_review=rates[1].rates(),
                )
            ],
        )
        self._epoch = []
        return rates[1]

    def in_review(self, one: Judged) -> bool:
        """Whether a ticket is out of the machine's hands: malformed, or its label in doubt."""
        return one.decided.failure is not None or one.decided.ticket.ticket_key in self.review

    def _rates(self, judged: Sequence[Judged]) -> tuple[Confusion, Confusion]:
        """Without and with tickets that are out of the machine's hands."""
        kept = [one for one in judged if not self.in_review(one)]
        return _confusion(kept), _confusion(judged)

    def _close_window(self, event: str) -> None:
        window, self._window = self._window, []
        epoch, end = window[0].epoch, len(self._epoch)
        without, whole = self._rates(window)
        elapsed = time.monotonic() - self._started
        speed = self._steps / elapsed if elapsed > 0 else 0.0
        left = self.tickets - end
        later = left + (self.epochs - epoch) * self.tickets
        row = MetricsRow(
            event="logging_steps" if event == "logging_steps" else "epoch_end_partial",
            epoch=epoch,
            epoch_step_start=end - len(window) + 1,
            epoch_step_end=end,
            global_step=self._steps,
            logging_steps=self.logging_steps,
            elapsed_seconds=elapsed,
            groups_per_second=speed,
            eta_seconds_epoch=left / speed if speed else None,
            eta_seconds_run=later / speed if speed else None,
            exclude_manual_review=without.rates(),
            include_manual_review=whole.rates(),
        )
        self.files.add("metrics.jsonl", [row])
        self.files.add(
            "group_report_delta.jsonl", [self._delta(one, event, epoch, end) for one in window]
        )
        self.events.metric(self._steps, self._figures(window, whole, speed), epoch=epoch)

    def _figures(
        self, window: Sequence[Judged], whole: Confusion, speed: float
    ) -> dict[str, float]:
        said = [c.said for one in window for c in one.rolled.candidates]
        found: dict[str, float | None] = {
            "verdict/label_match": whole.label_match,
            "verdict/false_release": whole.false_release,
            "verdict/false_block": whole.false_block,
            "verdict/malformed": (whole.none_pass + whole.none_fail) / whole.n,
            "verdict/need_review": sum(map(self._shown, window)) / len(window),
            "verdict/tickets_per_s": speed,
        }
        if said:
            good = sum(isinstance(s, Spoken) for s in said)
            found["verdict/format_rate"] = good / len(said)
        return {name: value for name, value in found.items() if value is not None}

    def _shown(self, one: Judged) -> bool:
        return one.decided.needs_manual_review or self.in_review(one)

    def _selection(self, one: Judged, row: SelectionResult) -> SelectionRow:
        ticket = one.decided.ticket
        return SelectionRow(
            group_id=ticket.group_id,
            mission=ticket.mission,
            result=row,
            epoch=one.epoch,
            epoch_step=len(self._epoch),
            global_step=self._steps,
            ticket_key=ticket.ticket_key,
            gt_label=ticket.label,
        )

    def _delta(self, one: Judged, event: str, epoch: int, step: int) -> ReportDeltaRow:
        decided, ticket = one.decided, one.decided.ticket
        review = self.review.get(ticket.ticket_key)
        reason = decided.failure.reason if decided.failure else None
        return ReportDeltaRow(
            logged_event=event,
            logged_epoch=epoch,
            logged_epoch_step=step,
            logged_global_step=self._steps,
            logging_steps=self.logging_steps,
            ticket_key=ticket.ticket_key,
            group_id=ticket.group_id,
            mission=ticket.mission,
            gt_label=ticket.label,
            model_verdict=decided.verdict,
            in_manual_review=self.in_review(one),
            manual_reason=review.reason_code if review else reason,
            selection=selection_of(one, ""),
            candidates=candidate_rows(one, self.seed, self.clock()),
            guidance_step=one.guidance.step,
            reflection_cycle=one.cycle,
            last_reflection_id=self._reflection,
        )


def candidate_rows(one: Judged, seed: int, now: str) -> list[TrajectoryResult]:
    """A ticket's candidates as its artifacts show them."""
    decided = one.decided
    strength = decided.selection.vote_strength if decided.selection else None
    return [_candidate(one, c, strength, seed, now) for c in one.rolled.candidates]


def selection_of(one: Judged, changed: str) -> SelectionResult | None:
    """A ticket's outcome; None without a verdict."""
    decided, won = one.decided, one.decided.selection
    if won is None or decided.verdict is None:
        return None
    match = bool(decided.label_match)
    eligible = decided.teaches
    return SelectionResult(
        verdict=decided.verdict,
        reason=decided.reason,
        vote_strength=won.vote_strength,
        label_match=match,
        selected_candidate=won.candidate,
        guidance_step=one.guidance.step,
        reflection_change=changed or None,
        reflection_cycle=one.cycle,
        manual_review_recommended=decided.needs_manual_review,
        eligible=eligible,
        ineligible_reason=None if eligible else "agrees_with_label",
        warnings=[*decided.warnings, *([] if match else ["label_mismatch"])],
        conflict_flag=not match,
        needs_manual_review=decided.needs_manual_review,
        low_agreement=won.low_agreement,
    )


def _candidate(
    one: Judged, candidate: Candidate, strength: float | None, seed: int, now: str
) -> TrajectoryResult:
    said, decode, decided = candidate.said, candidate.decode, one.decided
    spoken = said if isinstance(said, Spoken) else None
    return TrajectoryResult(
        candidate_index=candidate.index,
        decode=DecodeRow(
            temperature=decode.temperature,
            top_p=decode.top_p,
            max_new_tokens=decode.max_new_tokens,
            seed=seed if decode.seed is None else decode.seed,
            stop=list(decode.stop),
        ),
        text=candidate.text,
        verdict=spoken.verdict if spoken else None,
        reason=spoken.reason if spoken else None,
        format_ok=spoken is not None,
        created_at=now,
        warnings=[] if isinstance(said, Spoken) else [f"malformed_{said.code}"],
        label_match=spoken.verdict == decided.ticket.label if spoken else None,
        vote_strength=strength,
        low_agreement=bool(decided.selection and decided.selection.low_agreement),
        needs_manual_review=decided.needs_manual_review,
    )


def _trajectory(one: Judged, row: TrajectoryResult) -> TrajectoryRow:
    ticket = one.decided.ticket
    return TrajectoryRow(
        group_id=ticket.group_id,
        mission=ticket.mission,
        reflection_cycle=one.cycle,
        guidance_step=one.guidance.step,
        result=row,
        epoch=one.epoch,
        ticket_key=ticket.ticket_key,
        gt_label=ticket.label,
    )


def _malformed(one: Judged) -> MalformedRow:
    failure, ticket = one.decided.failure, one.decided.ticket
    assert failure is not None
    texts = [c.text for c in one.rolled.candidates]
    return MalformedRow(
        ticket_key=ticket.ticket_key,
        group_id=ticket.group_id,
        mission=ticket.mission,
        gt_label=ticket.label,
        reason=f"{failure.reason}: {failure.detail}",
        raw_text=texts[0] if texts else "",
    )


def _confusion(judged: Sequence[Judged]) -> Confusion:
    return confusion((one.decided.verdict, one.decided.ticket.label) for one in judged)
