"""The GPUs that a run can be planned for, from their makers' data sheets."""

from dataclasses import dataclass

from internvideo_pl.callbacks.energy import BOARD_WATTS
from internvideo_pl.callbacks.throughput import PEAK_FLOPS
from internvideo_pl.errors import UserError, hint

# Memory in GB, of the modules for servers (SXM) where a name has several forms; power and peak are those of the
# callbacks for energy and throughput.
MEMORY_GB = {
    "B200": 180,
    "H200": 141,
    "H100": 80,
    "A100": 80,
    "V100": 32,
    "L40S": 48,
    "L4": 24,
    "RTX 4090": 24,
    "RTX 3090": 24,
    "T4": 16,
}


@dataclass(frozen=True)
class Gpu:
    """A row of the tables.

    Attributes:
        name: As it is printed.
        memory: Bytes.
        watts: Of the board.
        peak: Dense operations a second in bfloat16 (in float16 where the GPU has no bfloat16).
    """

    name: str
    memory: float
    watts: int
    peak: float


def gpu_called(word: str) -> Gpu:
    """The GPU that a word like "h200" or "rtx4090" means.

    Raises:
        UserError: It is not in the table.
    """
    known = {name.lower().replace(" ", ""): name for name in MEMORY_GB}
    short = word.lower().replace(" ", "").replace("-", "")
    if short not in known:
        raise UserError(f"There are no facts about the GPU {word!r}; known: {', '.join(known)}.{hint(short, known)}")
    name = known[short]  # rows of the other tables are met by their whole names: parts of names mean driver's names
    return Gpu(name, MEMORY_GB[name] * 1e9, BOARD_WATTS[name], PEAK_FLOPS[name])
