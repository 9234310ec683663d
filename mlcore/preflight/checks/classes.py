"""Whether training shows the classes that the held-out images are scored on."""

from __future__ import annotations

from collections import Counter

from mlcore.contract.desc import class_of
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

UNSEEN_SHARE = 0.02
"""largest share of held-out objects of classes that training never shows"""
NAMED = 5


def check(scene: Scene) -> Result:
    """WARN when more than 2 % of the held-out objects are of a class that train lacks."""
    train = Counter(class_of(o.desc) for _, record in scene.train() for o in record.objects)
    val = Counter(class_of(o.desc) for _, record in scene.val() for o in record.objects)
    unseen = {name: count for name, count in val.items() if name not in train}
    absent = [name for name in train if name not in val]
    total = sum(val.values())
    share = sum(unseen.values()) / total if total else 0.0
    figures = {
        "train_classes": len(train),
        "val_classes": len(val),
        "unseen_classes": len(unseen),
        "unseen_share": share,
        "not_held_out": len(absent),
    }
    message = f"{len(train)} classes to learn, {len(val)} held out"
    if unseen:
        message += f"; never learned: {', '.join(sorted(unseen)[:NAMED])} ({share:.1%} of objects)"
    if share > UNSEEN_SHARE:
        hint = "Draw the splits anew so that every class is in both, or take the class out."
        return Result("classes", "WARN", message, figures, hint)
    hint = f"Not measured: {', '.join(absent[:NAMED])}." if absent and total else ""
    return Result("classes", "PASS", message, figures, hint)
