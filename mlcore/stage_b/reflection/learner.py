"""The reflection mode: guidance changes while tickets are judged.

Everything here is a function of what was judged and answered, so a journal of both is all that a
run needs to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

from mlcore.errors import ConfigError
from mlcore.stage_b.decide import decide
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.guidance.operations import (
    Applied,
    Change,
    Operation,
    apply_operations,
    credited,
    stale,
)
from mlcore.stage_b.guidance.store import GuidanceStore
from mlcore.stage_b.journal import Journal
from mlcore.stage_b.learner import Judged, Lesson
from mlcore.stage_b.reflection.config import ReflectionConfig
from mlcore.stage_b.reflection.credit import counted
from mlcore.stage_b.reflection.hypotheses import Pool
from mlcore.stage_b.reflection.ledger import Ledger
from mlcore.stage_b.reflection.meeting import Decision, Meeting, Reflector, key_of, pack
from mlcore.stage_b.reflection.minutes import Minutes
from mlcore.stage_b.reflection.weigh import weigh
from mlcore.stage_b.replies.extract import ReplyError
from mlcore.stage_b.rows import NeedReviewRow, ReflectionRow
from mlcore.stage_b.verdict.select import Policy

WINDOW = 1000
"""newest tickets that a reflection sees besides its own"""
MOST = 64
"""operations of one reflection where the config names no limit"""
_NO_ROOM = "does not fit into token_budget even alone"


class Reflection:
    """Learns from tickets whose verdict and label disagree, or whose candidates do."""

    def __init__(
        self,
        config: ReflectionConfig,
        guidance: Guidance,
        store: GuidanceStore,
        reflector: Reflector,
        journal: Journal,
        policy: Policy,
        check_stop: Callable[[], None],
    ) -> None:
        self.guidance, self.cycle, self.calls, self.changes = guidance, 0, 0, 0
        self.counts: dict[str, int] = {}
        """tickets of the last epoch by stage"""
        self.pool = Pool(config.hypotheses)
        self.ledger = Ledger(config.batch_size, config.retry_budget)
        self._config, self._store, self._reflector = config, store, reflector
        self._journal, self._policy, self._check_stop = journal, policy, check_stop
        self._seen: dict[str, Judged] = {}
        self._fresh: dict[str, tuple[Guidance, Judged]] = {}
        self._routed: set[str] = set()
        self._settled: list[Judged] = []
        self._review: list[NeedReviewRow] = []
        self._rows: list[ReflectionRow] = []
        self._changed: list[str] = []
        self._epoch_calls = self._epoch_operations = 0
        self._texts_before = dict(guidance.experiences)

    def heard(self, batch: Sequence[Judged]) -> Lesson:
        """Reflect on what of a batch teaches, as soon as enough of it has come together."""
        for one in batch:
            key = key_of(one)
            self.ledger.enter(one)
            self._seen.pop(key, None)
            if one.decided.verdict is None:
                self.ledger.move(key, "no_verdict")
                continue
            self._seen[key] = one
            if one.decided.teaches:
                self.ledger.wait([key], 0)
            else:
                self._settle(key, "agrees")
        for old in list(self._seen)[:-WINDOW]:
            del self._seen[old]
            self._fresh.pop(old, None)
        while self.ledger.full():
            self._reflect(0, batch[0].epoch)
        self._credit()
        self._journal.step("heard", {"states": self.ledger.changes(), "step": self.guidance.step})
        return self._lesson()

    def epoch_over(self, epoch: int) -> Lesson:
        """Reflect on what is left and what is to be tried again; drop rules that did badly."""
        while (attempt := self.ledger.next_attempt()) is not None:
            self._reflect(attempt, epoch)
        self._credit()
        removed = self._clean_up(epoch)
        states = self.ledger.states
        withdrawn = sorted(
            key
            for key in self._routed
            if key in states and states[key].stage in ("agreed", "contributor")
        )
        self._routed -= set(withdrawn)
        unchanged = dict(self.guidance.experiences) == self._texts_before
        self._journal.step(
            "epoch_over",
            {
                "epoch": epoch,
                "states": self.ledger.changes(),
                "counts": self.ledger.counts(),
                "removed": removed,
                "step": self.guidance.step,
            },
        )
        self.counts = self.ledger.counts()
        self.ledger = Ledger(self._config.batch_size, self._config.retry_budget)
        self._epoch_calls = self._epoch_operations = 0
        self._texts_before = dict(self.guidance.experiences)
        lesson = self._lesson()
        done = unchanged and self._config.stop_when_unchanged
        return replace(lesson, withdrawn=tuple(withdrawn), done=done)

    def _reflect(self, attempt: int, epoch: int) -> None:
        """One reflection on the next tickets of an attempt."""
        self._check_stop()
        records = self._records(attempt)
        if not records:
            return
        if self._over_cap():
            self._unaffordable(map(key_of, records), "max_calls_per_epoch is used up")
            return
        meeting = self._meeting(records)
        base, weights = self._reflector.weights(meeting)
        if base > self._config.token_budget:
            raise ConfigError(
                f"a reflection takes about {base} tokens before any ticket is shown",
                hint="Raise reflection.token_budget, or shorten the guidance.",
            )
        packed = pack(records, base, weights, self._config.token_budget)
        self.ledger.wait_first(list(map(key_of, packed.waiting)), attempt)
        self._unaffordable(map(key_of, packed.unfit), _NO_ROOM)
        if not packed.records:
            return
        meeting = replace(meeting, records=packed.records)
        self.cycle = meeting.cycle
        minutes = Minutes(meeting, epoch)
        self._hold(meeting, minutes)
        self._rows.append(minutes.row())

    def _hold(self, meeting: Meeting, minutes: Minutes) -> None:
        """Both passes, and what follows for every record."""
        self._credit()
        meeting = replace(meeting, guidance=self.guidance)
        minutes.meeting = meeting
        self._call()
        try:
            decision = self._reflector.decide(meeting)
        except ReplyError as error:
            minutes.warnings.append("decision_error")
            minutes.troubles["decision"] = error.message
            self._again(meeting.keys, "undecided", "the reflection could not be read")
        else:
            minutes.decision = decision
            self._route(meeting, decision)
            self._learn(meeting, decision, minutes)
        applied = minutes.applied
        self._journal.step(
            "reflection",
            {
                "reflection_id": meeting.reflection_id,
                "states": self.ledger.changes(),
                "steps": list(minutes.steps),
                "warnings": minutes.warnings,
            },
        )
        if applied is not None and applied.changes:
            self._advance(applied, meeting.reflection_id)

    def _route(self, meeting: Meeting, decision: Decision) -> None:
        """Labels that no evidence explains: a person looks at them, and nothing is learnt."""
        for key, note in decision.no_evidence.items():
            self.ledger.move(key, "unexplained")
            self._queue(key, meeting.reflection_id, note)

    def _learn(self, meeting: Meeting, decision: Decision, minutes: Minutes) -> None:
        """The second pass, on records that can be explained."""
        records = tuple(r for r in meeting.records if key_of(r) not in decision.no_evidence)
        learnable = list(map(key_of, records))
        minutes.learnable = learnable
        if not learnable:
            return
        for key in learnable:
            self.ledger.move(key, "learn")
        if self._over_cap():
            minutes.warnings.append("budget_exhausted_before_ops")
            self._unaffordable(learnable, "max_calls_per_epoch is used up")
            return
        self._call()
        part = replace(meeting, records=records)
        try:
            minutes.proposal = self._reflector.propose(part)
        except ReplyError as error:
            minutes.warnings.append("ops_error")
            minutes.troubles["operations"] = error.message
        else:
            self._weigh(part, minutes)
        covered = minutes.evidence() | minutes.hypothesis_evidence()
        uncovered = [key for key in learnable if key not in covered]
        for key in learnable:
            if key in covered:
                self._settle(key, "covered")
        if uncovered:
            minutes.warnings.append(f"uncovered={len(uncovered)}")
            self._again(uncovered, "uncovered", "no rule or hypothesis covers it")

    def _weigh(self, meeting: Meeting, minutes: Minutes) -> None:
        facts = [
            (one.decided.ticket.label, one.decided.ticket.evidence.all_facts)
            for one in self._seen.values()
        ]
        room = self._room(meeting, minutes)
        self._epoch_operations += weigh(minutes, meeting, self.pool, facts, room, self._journal.now)

    def _room(self, meeting: Meeting, minutes: Minutes) -> int:
        """How many operations this reflection may still make."""
        cap = self._config.change_cap_per_epoch
        left = meeting.most if cap is None else min(meeting.most, cap - self._epoch_operations)
        if cap is not None and self._epoch_operations >= cap:
            minutes.warnings.append("epoch_change_cap_reached")
        return max(0, left)

    def _records(self, attempt: int) -> list[Judged]:
        """The next tickets of an attempt, judged by the guidance of now. One that was tried before
        and has nothing wrong any more is settled."""
        out = []
        for key in self.ledger.take(attempt):
            one = self._now(self.ledger.judged[key])
            if attempt and not one.decided.teaches:
                self._settle(key, "agrees")
            else:
                out.append(one)
        return out

    def _meeting(self, records: Sequence[Judged]) -> Meeting:
        return Meeting(
            reflection_id(self._reflector.name, self.cycle + 1),
            self.cycle + 1,
            tuple(records),
            tuple(self._now(one) for one in self._seen.values()),
            self.guidance,
            tuple(self.pool.candidates()),
            self._config.max_operations or MOST,
        )

    def _now(self, one: Judged) -> Judged:
        """A ticket with the outcome that its candidates have under the guidance of now."""
        key = key_of(one)
        known = self._fresh.get(key)
        texts = self.guidance.experiences
        if known is None or known[0].experiences != texts or known[1].rolled is not one.rolled:
            fresh = replace(one, decided=decide(one.rolled, self.guidance, self._policy))
            self._fresh[key] = (self.guidance, fresh)
            return fresh
        return known[1]

    def _call(self) -> None:
        self.calls += 1
        self._epoch_calls += 1

    def _over_cap(self) -> bool:
        cap = self._config.max_calls_per_epoch
        return cap is not None and self._epoch_calls >= cap

    def _settle(self, key: str, event: Literal["agrees", "covered"]) -> None:
        """A ticket is through: the rules that held for it get their hit or miss, this once."""
        self.ledger.move(key, event)
        self._settled.append(self.ledger.judged[key])

    def _again(
        self, keys: Sequence[str], event: Literal["undecided", "uncovered"], why: str
    ) -> None:
        """Tickets are tried again, or go to a person once their budget is used up."""
        for key in keys:
            state = self.ledger.move(key, event)
            if state.stage == "need_review":
                self._queue(key, self._id(), f"{why} after {state.retries} retries")

    def _unaffordable(self, keys: Iterable[str], why: str) -> None:
        for key in keys:
            self.ledger.move(key, "unaffordable")
            self._queue(key, self._id(), why)

    def _queue(self, key: str, reflection_id: str, note: str) -> None:
        """A person should look at a ticket's label."""
        judged, state = self.ledger.judged[key], self.ledger.states[key]
        ticket = judged.decided.ticket
        self._routed.add(key)
        self._review.append(
            NeedReviewRow(
                ticket_key=key,
                group_id=ticket.group_id,
                mission=ticket.mission,
                gt_label=ticket.label,
                pred_verdict=judged.decided.verdict,
                pred_reason=judged.decided.reason,
                reason_code=state.reason,
                epoch=judged.epoch,
                reflection_cycle=self.cycle,
                reflection_id=reflection_id,
                uncertainty_note=note,
            )
        )

    def _id(self) -> str:
        """The id of the newest reflection."""
        return reflection_id(self._reflector.name, self.cycle)

    def _credit(self) -> None:
        """Hits and misses of what was settled since the last time."""
        counts = counted(self._settled, self.guidance)
        self._settled = []
        if counts:
            self.guidance = credited(self.guidance, counts)
            self._store.credit(self.guidance)

    def _advance(self, applied: Applied, by: str) -> None:
        self._store.advance(self.guidance, applied.guidance, applied.changes, by)
        self.guidance = applied.guidance
        self.changes += len(applied.changes)
        self._changed += [_words(change) for change in applied.changes]

    def _clean_up(self, epoch: int) -> list[str]:
        """Without the learnt rules that did badly; their keys."""
        limits = self._config.lifecycle
        if not limits.enabled:
            return []
        keys = stale(self.guidance, limits.confidence_drop_threshold, limits.min_miss_before_drop)
        now, by = self._journal.now, f"cleanup-{epoch:04d}"
        removals = [_removal(self.guidance, key) for key in keys]
        applied = apply_operations(self.guidance, removals, now=now, reflection_id=by)
        if applied.changes:
            self.pool.removed([self.guidance.experiences[key] for key in keys], by, now)
            self._advance(applied, by)
        return keys

    def _lesson(self) -> Lesson:
        lesson = Lesson(
            need_review=tuple(self._review),
            changed="; ".join(self._changed),
            reflections=tuple(self._rows),
            hypothesis_events=self.pool.take_events(),
        )
        self._review, self._rows, self._changed = [], [], []
        return lesson


def reflection_id(name: str, cycle: int) -> str:
    """The id of a reflection: who reflected, and the how manieth of the run it is."""
    return f"{name}-{cycle:04d}"


def _removal(guidance: Guidance, key: str) -> Operation:
    meta = guidance.metadata[key]
    words = f"{meta.hit_count} hits, {meta.miss_count} misses"
    return Operation("delete", key, rationale=words, evidence=meta.sources or (key,))


def _words(change: Change) -> str:
    return f"{change.verb} {change.key}"
