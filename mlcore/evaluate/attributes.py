"""Whether found objects are described rightly, beside what a guess without looking would score."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from mlcore.contract.desc import CLASS_KEY, attributes_of, is_negative
from mlcore.evaluate.match import ImageMatch, Thing
from mlcore.evaluate.statistics import ratio


def attribute_scores(matches: Sequence[ImageMatch]) -> dict[str, Any]:
    """Figures over the matched pairs of all images, except the negative ones.

    `description_accuracy`: the whole description is exactly right. `majority_baseline`: what
    always naming the most frequent true description of the class would score on the same pairs.
    `negative_recall`: share of all true negative objects, found or not, that are matched and
    exactly described; `negative_precision`: the same of all predicted negative objects.
    `attributes`: per key, over matched true objects that have it.
    """
    pairs = [
        (m.truths[p.truth], m.reading.things[p.prediction]) for m in matches for p in m.pairs
    ]
    right = [(truth, said) for truth, said in pairs if truth.desc == said.desc]
    usual = _usual(thing for m in matches for thing in m.truths)
    hits = sum(is_negative(truth.desc) for truth, _ in right)
    true = sum(is_negative(t.desc) for m in matches for t in m.truths)
    said_negative = sum(is_negative(p.desc) for m in matches for p in m.reading.things)
    return {
        "description_accuracy": ratio(len(right), len(pairs)),
        "majority_baseline": ratio(
            sum(truth.desc == usual[truth.name] for truth, _ in pairs), len(pairs)
        ),
        "negative_recall": ratio(hits, true),
        "negative_precision": ratio(hits, said_negative),
        "attributes": _by_key(pairs),
    }


def _usual(things: Iterable[Thing]) -> dict[str, str]:
    """The most frequent description of each class; of equals the one that sorts first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for thing in things:
        counts[thing.name][thing.desc] += 1
    return {name: _first(count) for name, count in counts.items()}


def _first(counts: Counter[str]) -> str:
    return min(counts, key=lambda item: (-counts[item], item))


def _by_key(pairs: Sequence[tuple[Thing, Thing]]) -> dict[str, Any]:
    """For each attribute key: the share said rightly, and of its most frequent value."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    right: Counter[str] = Counter()
    for truth, said in pairs:
        claimed = attributes_of(said.desc)
        for key, value in attributes_of(truth.desc).items():
            if key != CLASS_KEY:
                values[key][value] += 1
                right[key] += claimed.get(key) == value
    return {
        key: {
            **ratio(right[key], counts.total()),
            "majority_baseline": counts[_first(counts)] / counts.total(),
        }
        for key, counts in sorted(values.items())
    }
