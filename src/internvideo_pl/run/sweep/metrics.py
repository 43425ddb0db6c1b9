"""What a trial can be judged by: the names that each task's test and training log, known before anything is run."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from internvideo_pl.config import Experiment
from internvideo_pl.errors import UserError, hint

TEST, TRAIN = "test/", "train/"
BOUNDS = ("/low", "/high")  # of a metric where test videos were missing
PACE = ("clips_per_second", "tokens_per_second", "data_wait", "peak_memory_gb", "tflops_per_device")

_RECOGNITION = ("top1", "top5", "mean_class")
_RETRIEVAL = tuple(
    f"{variant}{way}/{name}"
    for variant in ("", "dsl/", "compat/", "compat/dsl/")
    for way in ("t2v", "v2t")
    for name in ("R@1", "R@5", "R@10", "MedR", "MeanR")
)
_SEGMENTS = ("avg_mAP", "mAP@*", "*/avg_mAP", "*/mAP@*")
_OPEN = ("AUROC", "AUPR", "FPR@95")
_WAYS = ("OSR", "SR", "SPL", "nDTW", "steps", "collisions")
_SIDES = ("left/M.Disp", "left/C.Disp", "right/M.Disp", "right/C.Disp")
_ALIGNED = ("contrastive_loss", "caption_loss", "image_contrastive_loss", "image_caption_loss")

# objective.name: (what its test finds, what its training logs beside `loss`); a star stands for anything
METRICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "masked": (("mse", "explained"), ()),
    "align": (_RETRIEVAL, _ALIGNED),
    "retrieval": (_RETRIEVAL, _ALIGNED),
    "supervised": (_RECOGNITION, ()),
    "coordinate": (_RECOGNITION, ()),
    "zero_shot": (_RECOGNITION, ()),
    "probe": (_RECOGNITION, ()),
    "navigate": (("TL", "NE", "sDTW", *_WAYS, *(f"release/{way}" for way in _WAYS)), ("agreement", "trust")),
    "answer": (("acc", "acc_in_vocab", "in_vocab", "prior", "prior_by_kind", "*/acc"), ()),
    "choose": (("top1",), ()),
    "multiple_choice": (("top1",), ()),
    "count": (("mse", "acc"), ()),
    "extract": (("videos",), ()),
    "localize": (_SEGMENTS, ("classify", "regress")),
    "propose": (_SEGMENTS, ("boundary", "sure", "regress")),
    "moments": ((*_SEGMENTS, "retrieval/Recall@*"), ("classify", "regress")),
    "open_set": (
        (*_OPEN, "closed/top1", "open_macro_F1", *(f"*/{name}" for name in _OPEN)),
        ("fit_loss", "variance_loss", "divergence_loss", "calibration_loss"),
    ),
    "box_actions": (("mAP@0.5", "*/mAP@0.5"), ()),
    "caption": (("CIDEr-D", "BLEU-4", "ROUGE-L"), ()),
    "anticipate": (("*_mAP", "overall_top5_mAP"), ("verb", "time")),
    "detect": (("AP", "AP50", "AP75"), ("score", "side", "overlap")),
    "hands": (("total displacement", "500 / total displacement", *_SIDES), ()),
    "queries": (("R@* IoU=*", "R@* mean"), ("ends", "highlight")),
}


def check_metric(name: str, runs: Sequence[Experiment], early: bool = False) -> None:
    """Refuses a metric that no run of a trial can log.

    Args:
        name: Of the metric, as in `metrics.csv`.
        runs: What a trial runs: an experiment, or its stages.
        early: Whether trials are to be judged by it before they end.

    Raises:
        UserError: No run logs it, or only at its end though trials are judged on the way.
    """
    if early and name.startswith(TEST):
        raise UserError(
            f"early_terminate cannot act on {name}, which is logged once, at a trial's end; take a value that training "
            "logs, such as train/loss, or leave early_terminate out"
        )
    known = [pattern for run in runs for pattern in _logged(run)]
    plain = name
    for bound in BOUNDS:
        plain = plain.removesuffix(bound) if name.startswith(TEST) else plain
    if not any(fnmatchcase(plain, pattern) for pattern in known):
        exact = [pattern for pattern in known if "*" not in pattern]
        raise UserError(f"metric: a trial logs no {name!r}.{hint(name, exact)}")


def _logged(run: Experiment) -> list[str]:
    """Names and patterns of what a run logs; nothing for a section that is wrong in another way."""
    if run.objective is None:
        return []
    tested, trained = METRICS[run.objective.name]
    found = [f"{TEST}{name}" for name in tested]
    if run.trainer.max_steps == 0 or run.trainer.max_epochs == 0:
        return found  # it only evaluates
    gates = ["gates/*"] if run.objective.name == "coordinate" else []
    return [*found, *(f"{TRAIN}{each}" for each in ("loss", *trained)), *(f"pace/{each}" for each in PACE), *gates]
