"""Every metric of mlcore. A name that is not here is refused where training tells it.

Names begin with what they tell of: `train/` the steps, `eval/` held-out images, `time/` seconds,
`memory/` bytes, `data/` and `augment/` the samples, `verdict/` tickets. What was not measured in
a step is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from mlcore.metrics.metric import Direction, Metric, Reduction, UndeclaredMetricError

NATS = "nats/token"
_Row = tuple[str, str, Reduction, Direction, str]

_LEARNED: Sequence[_Row] = (
    ("loss", NATS, "mean", "lower", "what is minimised, over all supervised tokens"),
    ("loss_text", NATS, "mean", "lower", "the loss of tokens that are no coordinates"),
    ("loss_coord", NATS, "mean", "lower", "the loss of coordinate tokens, weights and all"),
    ("loss_text_gate", NATS, "mean", "lower", "minus log of the mass that text keeps off bins"),
    ("loss_coord_ce", NATS, "mean", "lower", "cross-entropy of the right bin among the bins"),
    ("loss_coord_soft", NATS, "mean", "lower", "divergence from the Gaussian around the right bin"),
    ("loss_coord_w1", "share", "mean", "lower", "how far mass has to move, of the picture's side"),
    ("loss_coord_gate", NATS, "mean", "lower", "minus log of the mass that is on the bins at all"),
    ("loss_dense", NATS, "mean", "lower", "the loss of dense captions"),
    ("loss_summary", NATS, "mean", "lower", "the loss of summaries"),
    ("loss_chat", NATS, "mean", "lower", "the loss of conversations"),
    ("sft_loss", NATS, "mean", "lower", "the supervised part of the loss, weighted"),
    ("llm_kd_loss", NATS, "mean", "lower", "the part learned from the teacher's words, weighted"),
    ("vision_kd_loss", "", "mean", "lower", "the part learned from the teacher's eyes, weighted"),
    ("vision_kd_loss_{target}", "", "mean", "lower", "the same, of one kind of features"),
    ("loss/{dataset}", NATS, "ratio", "lower", "the loss of one dataset's tokens"),
    ("token_acc", "share", "ratio", "higher", "supervised tokens that are the likeliest one"),
    ("{dataset}_{type}_token_acc", "share", "ratio", "higher", "the same, of one type of token"),
    ("{dataset}_token_acc", "share", "ratio", "higher", "the same, of one dataset's tokens"),
)
"""told of training and, under the same words, of held-out images"""
_TRAIN: Sequence[_Row] = (
    ("train/lr", "", "last", "none", "learning rate"),
    ("train/lr_{group}", "", "last", "none", "learning rate of a group of weights"),
    ("train/grad_norm", "L2", "mean", "none", "norm of the gradient before clipping"),
    ("train/samples/{dataset}", "samples", "sum", "none", "samples of one dataset"),
    ("train/tokens_per_s", "tokens/s", "ratio", "higher", "tokens read, images' tokens included"),
    (
        "train/supervised_tokens_per_s", "tokens/s", "ratio", "higher",
        "tokens that have a loss",
    ),
    ("train/samples_per_s", "samples/s", "ratio", "higher", "samples learned from"),
    ("train/padding_share", "share", "ratio", "lower", "places of the batch that hold no token"),
    ("train/made", "answers", "sum", "none", "answers made for the teacher to judge"),
    ("train/made_tokens", "tokens/answer", "ratio", "none", "their length"),
    ("train/made_empty", "share", "ratio", "none", "those without a word"),
    ("train/made_unfinished", "share", "ratio", "lower", "those that were cut"),
    ("train/mfu", "share", "ratio", "higher", "useful arithmetic of what the GPU can do"),
)  # fmt: skip
_ANSWERED: Sequence[tuple[str, Direction, str]] = (
    ("f1_located_50", "higher", "F1 at IoU 0.5 whatever the class"),
    ("f1_full_50", "higher", "F1 at IoU 0.5 with the whole description right"),
    ("precision_50", "higher", "named objects that are there"),
    ("recall_50", "higher", "objects that are found"),
    ("ap50", "higher", "average precision of boxes at IoU 0.5, by confidence"),
    ("clean_negatives", "higher", "images without objects in which none is named"),
    ("duplicates", "lower", "named objects that were named before"),
    ("summary_parse_rate", "higher", "summaries that parse"),
    ("summary_exact", "higher", "summaries that are right word for word"),
    ("summary_fact_f1", "higher", "F1 of what summaries say"),
    ("summary_negative_recall", "higher", "things amiss that summaries name"),
)
"""told of answers to held-out images, of all and of each dataset"""
_EVAL: Sequence[_Row] = (
    ("eval/parse_rate", "share", "last", "higher", "answers that parse"),
    ("eval/parse_rate/{dataset}", "share", "last", "higher", "answers that parse"),
    ("eval/f1_50", "share", "last", "higher", "F1 of found objects at IoU 0.5"),
    ("eval/f1_50/{dataset}", "share", "last", "higher", "F1 of found objects at IoU 0.5"),
    *(
        (f"eval/{name}{part}", "share", "last", direction, about)
        for name, direction, about in _ANSWERED
        for part in ("", "/{dataset}")
    ),
)
_COSTS: Sequence[_Row] = (
    ("time/step_s", "s", "mean", "lower", "a step from end to end"),
    ("time/data_s", "s", "mean", "lower", "waiting for samples, of a step"),
    ("time/teacher_s", "s", "mean", "lower", "the teacher, and making answers, of a step"),
    ("time/forward_s", "s", "mean", "lower", "the forward pass, of a step"),
    ("time/backward_s", "s", "mean", "lower", "the backward pass without waiting, of a step"),
    ("time/sync_s", "s", "mean", "lower", "waiting for other ranks, of a step"),
    ("time/optimizer_s", "s", "mean", "lower", "clipping and the update, of a step"),
    ("time/evaluation_s", "s", "sum", "lower", "looking at held-out images"),
    ("time/checkpoint_s", "s", "sum", "lower", "writing a checkpoint"),
    ("memory/peak_rss_bytes", "B", "max", "lower", "most memory of a process, the fullest rank"),
    ("memory/cuda_peak_bytes", "B", "max", "lower", "most GPU memory in tensors, fullest rank"),
)
_SAMPLES: Sequence[_Row] = (
    ("pack/rows", "rows", "mean", "lower", "rows of a step"),
    ("pack/fill", "share", "ratio", "higher", "tokens, of the most that rows may hold"),
    ("pack/samples_per_row", "samples/row", "ratio", "higher", "samples that share a row"),
    ("data/over_length", "records", "last", "none", "records that are too long and left out"),
    ("data/over_length_share", "share", "last", "none", "the same, of all records"),
    ("data/several_images", "samples", "sum", "none", "not augmented: more than one image"),
    ("data/{change}", "samples", "sum", "none", "samples that a dataset's settings changed"),
    ("augment/applied", "share", "ratio", "none", "samples that an op changed"),
    ("augment/bypassed", "share", "ratio", "none", "samples that were left as they are"),
    ("augment/lost_objects", "objects/sample", "ratio", "none", "objects that left the picture"),
    ("augment/pasted_objects", "objects/sample", "ratio", "none", "objects that were pasted in"),
    ("augment/partial_objects", "objects/sample", "ratio", "none", "objects that were cut"),
    ("augment/too_long", "share", "ratio", "none", "taken as they were: too long otherwise"),
    ("augment/too_large", "share", "ratio", "none", "taken as they were: too large otherwise"),
    ("augment/skipped/{reason}", "ops/sample", "ratio", "none", "ops that could do nothing"),
)

_VERDICTS: Sequence[_Row] = (
    ("verdict/label_match", "share", "last", "higher", "tickets whose verdict is their label"),
    ("verdict/false_release", "share", "last", "lower", "of passed tickets, those labelled fail"),
    ("verdict/false_block", "share", "last", "lower", "of failed tickets, those labelled pass"),
    ("verdict/malformed", "share", "last", "lower", "tickets without a verdict"),
    ("verdict/format_rate", "share", "last", "higher", "candidates that keep to the two lines"),
    ("verdict/need_review", "share", "last", "none", "tickets that a person should look at"),
    ("verdict/tickets_per_s", "tickets/s", "last", "higher", "tickets judged"),
)
"""told of each window of tickets"""


def _all() -> Iterator[Metric]:
    for head in ("train", "eval"):
        for name, unit, reduction, direction, about in _LEARNED:
            yield Metric(f"{head}/{name}", unit, reduction, direction, about)
    for row in (*_TRAIN, *_EVAL, *_COSTS, *_SAMPLES, *_VERDICTS):
        yield Metric(*row)


METRICS = tuple(_all())
_FIXED = {metric.name: metric for metric in METRICS if metric.fixed}
_PATTERNS = [metric for metric in METRICS if not metric.fixed]


@lru_cache(maxsize=4096)
def find(name: str) -> Metric:
    """The declaration of a name. Raises UndeclaredMetricError when there is none."""
    if name in _FIXED:
        return _FIXED[name]
    for metric in _PATTERNS:
        if metric.pattern.fullmatch(name):
            return metric
    raise UndeclaredMetricError(
        f"the metric {name!r} is not declared",
        hint="Declare its unit, reduction and direction in mlcore/metrics/declared.py.",
        where=name,
    )


def unit_of(name: str) -> str:
    """The unit of a metric, empty for one that mlcore does not tell."""
    try:
        return find(name).unit
    except UndeclaredMetricError:
        return ""
