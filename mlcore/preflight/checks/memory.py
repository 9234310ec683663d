"""Whether a step fits into the device: the formula is in `mlcore.preflight.estimate`."""

from __future__ import annotations

from mlcore.losses.head import rows_of
from mlcore.preflight.estimate import Estimate, Work, estimate, with_teacher, with_turns
from mlcore.preflight.machine import Memory, memory_of
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene
from mlcore.preflight.weights import read_weights
from mlcore.train.config.packing import Packed
from mlcore.train.setup import device_of

FULL = 0.95
"""share of the free memory that a step may take by the estimate"""
NUMBERS = {"float32": 4, "bfloat16": 2}
"""bytes of a number"""
HINT = (
    "Halve micro_batch: accumulation doubles by itself and the result stays the same. Or lower "
    "global_max_length, or take a larger device."
)


def check(scene: Scene) -> Result:
    """WARN when the estimate is over what is free; BLOCK when weights, gradients, optimiser and
    teacher alone, which no smaller batch changes, are over what there is."""
    device = device_of(scene.config, 0)
    there = memory_of(device)
    found = step_estimate(scene)
    shared = scene.processes if device.type == "cpu" else 1
    figures: dict[str, float] = {
        "weights": found.weights,
        "gradients": found.gradients,
        "optimiser": found.optimiser,
        "activations": found.activations,
        "logits": found.logits,
        "teacher": found.teacher,
        "lesson": found.lesson,
        "processes": shared,
        "needed": shared * found.total,
    }
    if there is None:
        said = f"{_mib(shared * found.total)} estimated; the system does not tell what is free"
        return Result("memory", "SKIPPED", said, figures)
    figures |= {"free": there.free, "total": there.total}
    return _held(found, there, shared, figures)


def step_estimate(scene: Scene) -> Estimate:
    """The estimate for one process of this run: a micro-batch of its longest samples."""
    config = scene.config
    longest = max(min(max(f.lengths), f.limit) for f in scene.prepared.sifted)
    patch = scene.prepared.kit.patcher.patch_size
    pixels = max(record.width * record.height for _, record in scene.train())
    share = max(1, config.batch_size // scene.processes)
    tokens = min(config.micro_batch, share) * longest
    if isinstance(config.packing, Packed):
        row = config.packing.row_tokens or config.global_max_length
        tokens = min(config.micro_batch * row, share * longest)
    learned = scene.trained
    text = scene.weights.config.text_config
    work = Work(
        tokens=tokens,
        patches=-(-tokens // longest) * pixels // patch**2,
        head_rows=min(tokens, rows_of(text.vocab_size)),
        number=NUMBERS[config.dtype],
        master=NUMBERS[config.master_dtype],
        eager=config.attention == "eager",
        checkpointing=config.gradient_checkpointing,
        longest=longest,
    )
    found = with_turns(
        estimate(scene.weights.config, learned.parameters, learned.total, learned.matrices, work),
        learned.turns,
        learned.turns // (text.num_hidden_layers if config.gradient_checkpointing else 1),
    )
    if scene.teacher is None or config.distill is None:
        return found
    its, learns = read_weights(scene.teacher), config.distill
    return with_teacher(
        found, its.config, its.parameters, work, learns.features, words=learns.llm_kd_weight > 0
    )


def _held(found: Estimate, there: Memory, shared: int, figures: dict[str, float]) -> Result:
    needed = shared * found.total
    message = f"{_mib(needed)} estimated at the peak, {_mib(there.free)} free"
    if shared * found.fixed > there.total:
        what = "weights, gradients and optimiser" + (" and the teacher" if found.teacher else "")
        said = f"{what} need {_mib(shared * found.fixed)} of "
        hint = "Train fewer weights, or take a device with more memory."
        return Result("memory", "BLOCK", said + _mib(there.total), figures, hint)
    if needed > FULL * there.free:
        return Result("memory", "WARN", message, figures, HINT)
    return Result("memory", "PASS", message, figures)


def _mib(count: float) -> str:
    return f"{count / 2**20:,.0f} MiB"
