"""Open-set recognition: evidential training on known classes, tests on known and unknown ones."""

from typing import Any

from torch import Tensor, nn

from internvideo_pl.data.batch import Batch
from internvideo_pl.metrics.open_set import CALIBRATION, KNOWN, SCORES, UNKNOWN, OpenSet
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.evidential import Evidential

DRAWINGS = {"vacuity": "uncertainty", "max_probability": "improbability", "energy": "energy"}
PARTS = {KNOWN: "known", UNKNOWN: "unknown", CALIBRATION: "training"}


class OpenSetRecognition(VideoModule):
    """Trains an evidential classifier and tests how well it notices videos of unknown classes.

    Args:
        objective: Evidential losses around the model; the model's `input` prepares clips.
        optimisation: See `VideoModule`.
    """

    objective: Evidential
    metric: OpenSet

    def __init__(self, objective: Evidential, **optimisation: Any):
        super().__init__(objective, **optimisation)

    @property
    def model(self) -> nn.Module:
        """The backbone with its classifier."""
        return self.objective.model

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The evidential losses, annealed by how far training is."""
        done = self.global_step / max(self.total_steps, 1) if self._trainer is not None else 0.0
        return self.objective(self._prepared(batch.video), batch.label, done * self.objective.total_epochs)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the two datasets."""
        data: Any = self.data
        evidence = self.objective.config.loss.evidence
        self.metric = OpenSet(len(data.classes), data.unknown_classes, evidence).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Keeps each view's logits; the second loader has training videos, which set the threshold."""
        if not len(batch):
            return
        label, part = batch.label, batch.label.new_full((len(batch),), CALIBRATION)
        if dataloader_idx == 0:
            known = len(self.data.classes)
            part = (label >= known).long() * UNKNOWN
            label = label - known * part
        self.metric.update(self.model(self._prepared(batch.video)), label, part, batch.index, batch.view)

    def on_test_epoch_end(self) -> None:
        """Turns scores into an outcome, with every video's and their histograms beside the row."""
        data: Any = self.data
        self.metric.missing = data.missing_parts(self.unread)
        metrics = self.metric.compute()
        known, unknown = (int((self.metric.videos()[2] == part).sum()) for part in (KNOWN, UNKNOWN))
        share = 100.0 * unknown / (known + unknown)
        chance = {"AUROC": 50.0, "AUPR": share, "FPR@95": 95.0, "closed/top1": 100.0 / len(data.classes)}
        chance |= {f"{name}/AUROC": 50.0 for name in ("thresholded", *SCORES) if name != "vacuity"}
        protocol = {"classes": len(data.classes), "evidence": self.objective.config.loss.evidence}
        outcome = Outcome("open_set", metrics, "AUROC", chance, protocol, intervals=self.metric.intervals())
        outcome.files["scores.csv"] = self._table()
        outcome.histograms |= self._spreads()
        self.finish(outcome)

    def _table(self) -> str:
        """Every video's label, answer and scores, as CSV."""
        logits, label, key = self.metric.scored()
        evidence, data = self.objective.config.loss.evidence, self.data
        scores = [score(logits, evidence).tolist() for score in SCORES.values()]
        test, train = (data.split(name) for name in data.test_splits)
        split = {KNOWN: test, UNKNOWN: test, CALIBRATION: train}
        lines = [f"video,part,label,answer,{','.join(SCORES)}"]
        for (part, index), own, answer, *values in zip(
            key.tolist(), label.tolist(), logits.argmax(-1).tolist(), *scores, strict=True
        ):
            name = split[part].samples[index].key.replace('"', '""')
            lines.append(f'"{name}",{PARTS[part]},{own},{answer},{",".join(f"{value:.6g}" for value in values)}')
        return "\n".join(lines) + "\n"

    def _spreads(self) -> dict[str, dict[str, list[float]]]:
        """Each score of the known and of the unknown test videos, by the drawing's name."""
        logits, _, part = self.metric.videos()
        spreads = {}
        for name, score in SCORES.items():
            values = score(logits, self.objective.config.loss.evidence).cpu().numpy()
            spreads[DRAWINGS[name]] = {PARTS[kind]: values[part == kind].tolist() for kind in (KNOWN, UNKNOWN)}
        return spreads

    def _prepared(self, video: Tensor) -> Tensor | tuple[Tensor, ...]:
        spec: Any = self.model.input
        return spec.prepare(video)
