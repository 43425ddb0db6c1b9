"""The paper's claims as comparisons of miniature experiments: what is set beside what, and what several seeds say.

Both sides of a comparison are run with the same seeds, their parents with them, so the differences are paired: what a
seed does to the data's order and to the weights' start is done to both. A claim that holds in miniature is not proved
at full size, nor is one that fails there refuted; the table says which of the mechanisms can be seen at work at all.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from internvideo_pl.tables.benchmark import metric_words
from internvideo_pl.tables.seeds import mean_interval
from internvideo_pl.tables.table import Cell, Column, Table, interval, number
from internvideo_pl.tables.verdict import gain

SUPPORTED, UNDECIDED, CONTRADICTED, NOT_RUN = "supported", "not decided", "contradicted", "not run"
TONES = {SUPPORTED: "good", CONTRADICTED: "bad"}


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a metric of an experiment's miniature.

    Attributes:
        experiment: Its name.
        metric: As its row has it.
        overrides: What is changed in it.
    """

    experiment: str
    metric: str
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A claim, and what has to be better than what if it holds.

    Attributes:
        name: A short one, to choose it by.
        says: Its substance.
        source: Where the paper has it, or why it stands here.
        better: The side that the claim favours.
        than: The other one.
    """

    name: str
    says: str
    source: str
    better: Side
    than: Side


def _from_nothing(experiment: str, metric: str, model: str) -> Side:
    """The same experiment without what it starts from."""
    return Side(experiment, metric, ("~parents", f"model={model}, from nothing"))


_BOTH = Side("coordinate/k400_base", "top1")
_MASKED = Side("posttrain/k400_masked_base", "top1")
_MULTIMODAL = Side("posttrain/k400_multimodal_base", "top1")
_TUNED, _TUNED_BACK = "finetune/msrvtt_retrieval", "ablation/msrvtt_wise_ft_test"
_T2V, _T2V_DSL, _V2T, _V2T_DSL = "t2v/R@1", "dsl/t2v/R@1", "v2t/R@1", "dsl/v2t/R@1"

CLAIMS = (
    Claim(
        "coordination_masked",
        "coordinating both encoders is better than the masked encoder alone",
        "section 3.2, table 2",
        _BOTH,
        _MASKED,
    ),
    Claim(
        "coordination_multimodal",
        "coordinating both encoders is better than the multimodal encoder alone",
        "section 3.2, table 2",
        _BOTH,
        _MULTIMODAL,
    ),
    Claim(
        "coordination_ensemble",
        "coordination learned inside the encoders is better than the sum of their logits",
        "section 3.2; the comparison is ours",
        _BOTH,
        Side("coordinate/k400_base_ensemble", "top1"),
    ),
    Claim(
        "coordination_control",
        "coordination gains because the second encoder is complementary, not because of its new modules",
        "abstract; the control is ours",
        _BOTH,
        Side("coordinate/k400_base_control", "top1"),
    ),
    Claim(
        "masked_pretraining",
        "masked pretraining helps recognition that is learned afterwards",
        "section 3.1",
        _MASKED,
        _from_nothing(_MASKED.experiment, "top1", "masked encoder"),
    ),
    Claim(
        "alignment_recognition",
        "video-language pretraining helps recognition that is learned afterwards",
        "section 3.1",
        _MULTIMODAL,
        _from_nothing(_MULTIMODAL.experiment, "top1", "multimodal encoder"),
    ),
    Claim(
        "alignment_retrieval",
        "video-language pretraining helps retrieval that is learned afterwards",
        "section 3.1, table 6",
        Side(_TUNED, _T2V_DSL),
        _from_nothing(_TUNED, _T2V_DSL, "InternVideo-MM"),
    ),
    Claim(
        "retrieval_tuned",
        "fine-tuning on the benchmark retrieves better than no training on it",
        "table 6 beside figure 1",
        Side(_TUNED, _T2V_DSL),
        Side("zeroshot/msrvtt_retrieval", _T2V_DSL),
    ),
    Claim(
        "dual_softmax_t2v",
        "the dual softmax helps to find videos",
        "table 6, by its authors' word",
        Side(_TUNED, _T2V_DSL),
        Side(_TUNED, _T2V),
    ),
    Claim(
        "dual_softmax_v2t",
        "the dual softmax helps to find texts",
        "table 6, by its authors' word",
        Side(_TUNED, _V2T_DSL),
        Side(_TUNED, _V2T),
    ),
    Claim(
        "wise_ft",
        "fine-tuned weights, drawn half way back to their start, retrieve better (WiSE-FT)",
        "the release's tests without training",
        Side(_TUNED_BACK, _T2V_DSL),
        Side(_TUNED, _T2V_DSL),
    ),
)


@dataclass(frozen=True)
class Judgement:
    """What the seeds say of a claim.

    Attributes:
        claim: Which.
        pairs: For each seed that has run on both sides, the value of `better` and that of `than`.
        difference: Mean over the seeds of how much better the favoured side was; NaN without any.
        interval: Its 95 % interval (Student's t); None for fewer than two seeds.
        verdict: `SUPPORTED` or `CONTRADICTED` where the interval lies on one side of zero, `UNDECIDED`, `NOT_RUN`.
    """

    claim: Claim
    pairs: tuple[tuple[float, float], ...]
    difference: float
    interval: tuple[float, float] | None
    verdict: str


def judge(claim: Claim, pairs: Sequence[tuple[float, float]]) -> Judgement:
    """The claim judged by the values of its two sides, one pair a seed; pairs that are not finite are left out."""
    sound = tuple(pair for pair in pairs if all(map(math.isfinite, pair)))
    gains = [gain(claim.better.metric, mine, other) for mine, other in sound]
    if not gains:
        return Judgement(claim, (), math.nan, None, NOT_RUN)
    ends = mean_interval(gains) if len(gains) > 1 else None
    verdict = UNDECIDED
    if ends is not None and (ends[0] > 0 or ends[1] < 0):
        verdict = SUPPORTED if ends[0] > 0 else CONTRADICTED
    return Judgement(claim, sound, statistics.fmean(gains), ends, verdict)


def claims_table(judgements: Sequence[Judgement]) -> Table:
    """One line a claim."""
    heads = ["claim", "paper", "metric", "favoured", "other", "difference", "95 % interval", "seeds", "verdict"]
    numbers = {"favoured", "other", "difference", "95 % interval", "seeds"}
    lines = [_line(judged) for judged in judgements]
    notes = [
        "Miniatures: which mechanisms can be seen at work in small, not figures of the paper. Both sides are run with "
        "the same seeds, their parents too; the interval is that of the paired difference over seeds (Student's t).",
        '"Not decided" is no evidence against a claim: the seeds are too few, or the difference too small, to tell. '
        "Each interval misses the truth once in twenty.",
    ]
    return Table("The paper's claims in miniature", [Column(head, head in numbers) for head in heads], lines, notes)


def _line(judged: Judgement) -> list[Cell]:
    claim = judged.claim
    means = [_mean([pair[side] for pair in judged.pairs]) for side in (0, 1)]
    ran = bool(judged.pairs)
    sign = Cell(f"{judged.difference:+.1f}", raw=judged.difference) if ran else number(None)
    mine, other = metric_words(claim.better.metric), metric_words(claim.than.metric)
    return [
        Cell(claim.says),
        Cell(claim.source),
        Cell(mine if mine == other else f"{mine} / {other}"),
        *means,
        sign,
        interval(judged.interval),
        Cell(str(len(judged.pairs)), raw=float(len(judged.pairs))),
        Cell(judged.verdict, tone=TONES.get(judged.verdict, "muted")),
    ]


def _mean(values: Sequence[float]) -> Cell:
    return number(statistics.fmean(values) if values else None)


def judge_all(value: Callable[[Side, int], float | None], seeds: int, claims: Sequence[Claim]) -> list[Judgement]:
    """Every claim judged by what `value` knows of a side and a seed."""
    judgements = []
    for claim in claims:
        both = [(value(claim.better, seed), value(claim.than, seed)) for seed in range(seeds)]
        pairs = [(mine, other) for mine, other in both if mine is not None and other is not None]
        judgements.append(judge(claim, pairs))
    return judgements
