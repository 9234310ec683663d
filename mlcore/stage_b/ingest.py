"""From Stage-A's records to the tickets of one mission."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from mlcore.contract.domains import MISSIONS, Domain
from mlcore.errors import ConfigError, DataError
from mlcore.near import did_you_mean
from mlcore.stage_a.record import StageARecord, read_stage_a
from mlcore.stage_b.ticket import Evidence, Ticket


def read_tickets(
    paths: Sequence[Path], mission: str, exclude: Collection[str] = ()
) -> list[Ticket]:
    """The tickets of every file or folder, in their order, without those in `exclude` (ticket
    keys).

    Raises DataError on a bad line, on a ticket that two files hold, and where a ticket is of
    another mission or none is left.
    """
    tickets: dict[str, Ticket] = {}
    for path in paths:
        for record in read_stage_a(path):
            if record.mission != mission:
                raise DataError(
                    f"{record.ticket_key} is a ticket of {record.mission}, not of {mission}",
                    hint="One run judges one mission: name its summaries alone.",
                    where=str(path),
                )
            if record.ticket_key in tickets:
                raise DataError(f"{record.ticket_key} is in two files", where=str(path))
            tickets[record.ticket_key] = ticket_of(record)
    unknown = sorted(set(exclude) - tickets.keys())
    if unknown:
        raise ConfigError(
            f"{len(unknown)} excluded tickets do not occur, the first is {unknown[0]}",
            hint=did_you_mean(unknown[0], list(tickets)[:50]),
        )
    kept = [ticket for key, ticket in tickets.items() if key not in exclude]
    if not kept:
        raise DataError(f"there is no ticket of the mission {mission}")
    return kept


def ticket_of(record: StageARecord) -> Ticket:
    """The ticket of a record."""
    return Ticket(
        record.group_id,
        record.label,
        Evidence(record.mission, record.images, record.summaries),
        record.label_source,
        record.label_timestamp,
    )


def domain_of_mission(mission: str, named: Domain | None) -> Domain:
    """The family of a mission: what the config names, else what the registry knows of it.

    Raises ConfigError for a mission that the registry does not know and the config does not
    place, and where the two disagree.
    """
    known = MISSIONS.get(mission)
    if named is None and known is None:
        raise ConfigError(
            f"the mission {mission!r} has no known family",
            hint=f"Set domain to bbu or rru. {did_you_mean(mission, MISSIONS)}",
        )
    if named is not None and known is not None and named != known:
        raise ConfigError(f"{mission} is an item of {known}, but domain is {named}")
    family = named or known
    assert family is not None
    return family
