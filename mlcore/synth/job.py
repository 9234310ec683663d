"""The `synth` job: scenes, records and tickets as one dataset folder."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2

from mlcore.contract.conversations import CONVERSATIONS, write_conversations
from mlcore.contract.quality import QualityReport, image_facts
from mlcore.contract.records import Record
from mlcore.contract.ticket_list import TICKETS
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError, InfrastructureError
from mlcore.geometry.order import ORDER
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.synth.canvas import Image
from mlcore.synth.config import SynthConfig
from mlcore.synth.scene import CLASSES, make_scene
from mlcore.synth.teaching import about, teach
from mlcore.synth.tickets import Ticket, make_tickets

LEARNED = "train"
"""the split that conversations are made of"""
VERDICTS = "verdicts"
"""the conversations that teach verdicts, by their name in the dataset"""
PROGRESS_EVERY = 20


def run(config: SynthConfig, ctx: RunContext) -> dict[str, Any]:
    """Render every scene of every split. Same config, same bytes.

    Raises DataError when two pictures are equal, CancelledError when a stop was asked for.
    """
    ctx.events.status("running", "Rendering scenes")
    counts = sizes(config)
    writer = DatasetWriter(ctx.output("dataset"), config.dataset_name, tuple(counts))
    quality = QualityReport()
    seen: set[str] = set()
    tickets: list[Ticket] = []
    learned: list[Record] = []
    total = sum(counts.values())
    for split, count in counts.items():
        records = []
        for index in range(count):
            ctx.check_stop()
            picture, record = make_scene(config.seed, config.style, split, index)
            data = encode_jpeg(picture, config.jpeg_quality)
            _unique(seen, data, record.id)
            writer.add_image(record.images[0], data)
            records.append(record)
            if len(seen) % PROGRESS_EVERY == 0 or len(seen) == total:
                ctx.events.progress(len(seen), total, "images")
        made = make_tickets(records, config.tickets, config.seed, config.style, split)
        tickets += made
        for record in _with_tickets(records, made):
            writer.add(split, record)
            quality.add(split, record)
        learned += records if split == LEARNED else []
    talks = _conversations(config, writer.folder, learned)
    return _finish(config, ctx, writer, quality, tickets, talks)


def sizes(config: SynthConfig) -> dict[str, int]:
    """Images by split, in the order in which they are made."""
    all_ = {LEARNED: config.train, "val": config.val, "desk": config.desk}
    return {split: count for split, count in all_.items() if count}


def encode_jpeg(picture: Image, quality: int) -> bytes:
    """JPEG bytes of an RGB picture."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InfrastructureError("the JPEG encoder failed")
    return data.tobytes()


def _unique(seen: set[str], data: bytes, identity: str) -> None:
    digest = hashlib.sha256(data).hexdigest()
    if digest in seen:
        raise DataError(f"{identity} has the same picture as another scene", where=identity)
    seen.add(digest)


def _with_tickets(records: Sequence[Record], tickets: Sequence[Ticket]) -> list[Record]:
    of_image = {image: t.ticket for t in tickets for image in t.images}
    return [replace(r, metadata={**r.metadata, "ticket": of_image[r.id]}) for r in records]


def _conversations(
    config: SynthConfig, folder: Path, records: Sequence[Record]
) -> dict[str, Any]:
    """Write the conversations that teach verdicts; what the manifest says of them, by name."""
    if config.teaching is None:
        return {}
    taught = teach(records, config.tickets, config.teaching, config.seed, config.style)
    verdicts: Counter[str] = Counter()

    def rows() -> Iterator[dict[str, Any]]:
        for one in taught:
            verdicts[one.verdict] += 1
            yield one.to_json()

    entry = write_conversations(folder, VERDICTS, rows())
    return {VERDICTS: {**entry, **about(config.teaching, verdicts)}}


def _finish(
    config: SynthConfig,
    ctx: RunContext,
    writer: DatasetWriter,
    quality: QualityReport,
    tickets: Sequence[Ticket],
    talks: Mapping[str, Any],
) -> dict[str, Any]:
    ctx.events.status("finishing", "Writing dataset.json")
    with (writer.folder / TICKETS).open("w", encoding="utf-8") as file:
        for ticket in tickets:
            file.write(json.dumps(asdict(ticket), ensure_ascii=False) + "\n")
    manifest = writer.finish(
        {
            "object_order": ORDER,
            "class_order": list(CLASSES),
            "style": config.style,
            "seed": config.seed,
            **({CONVERSATIONS: talks} if talks else {}),
        }
    )
    facts = image_facts(writer.folder, quality.image_paths())
    write_json(writer.folder / "report.json", quality.to_json(facts))
    labels = Counter(t.label for t in tickets)
    wrong = sum(t.label != t.true_label for t in tickets)
    images = sum(s["records"] for s in manifest["splits"].values())
    return {
        "schema": "synth/1",
        "headline": {
            "images": {"value": images, "unit": "images", "n": None},
            "objects": {"value": quality.objects, "unit": "objects", "n": images},
            "tickets": {"value": len(tickets), "unit": "tickets", "n": None},
        },
        "fingerprint": manifest["fingerprint"],
        "splits": manifest["splits"],
        "classes": manifest["classes"],
        "tickets": {"pass": labels["pass"], "fail": labels["fail"], "wrong_labels": wrong},
        **({CONVERSATIONS: talks} if talks else {}),
    }
