"""Short-term anticipation (Ego4D): verb and time to contact of a detector's boxes, top-5 mAP, the server's file.

Shapes: B clips, R boxes of all clips, V verbs.
"""

from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.next_objects import NextObjectData
from internvideo_pl.metrics.anticipation import ShortTermAnticipation, TrueObjects
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.modules.box_actions import WHOLE, flat_boxes, videos_of_places
from internvideo_pl.objectives.anticipate import Anticipation
from internvideo_pl.submissions.ego4d_sta import sta_content, sta_problems
from internvideo_pl.submissions.submission import Submission

HEADLINE = "overall_top5_mAP"


class ObjectAnticipation(VideoModule):
    """Trains and tests an `ObjectAnticipator`; a prediction's score is the detector's times the verb's probability.

    Args:
        objective: The loss around the model.
        optimisation: See `VideoModule`.
    """

    objective: Anticipation
    scored: ShortTermAnticipation
    constant: ShortTermAnticipation

    def __init__(self, objective: Anticipation, **optimisation: Any):
        super().__init__(objective, **optimisation)

    @property
    def frames(self) -> NextObjectData:
        """The data, which are frames with boxes."""
        data = self.data
        assert isinstance(data, NextObjectData)
        return data

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss", "verb", "time"} of the boxes in a batch."""
        known = [said or {"boxes": [WHOLE], "actions": [[0, 1.0]]} for said in batch.annotations or [None] * len(batch)]
        boxes, index = flat_boxes([clip["boxes"] for clip in known], batch.video)
        targets = torch.tensor([target for clip in known for target in clip["actions"]]).reshape(-1, 2).to(boxes)
        clip = self.objective.model.input.prepare(batch.video)
        return self.objective(clip, boxes, index, targets[:, 0].long(), targets[:, 1])

    def on_test_epoch_start(self) -> None:
        """Prepares the metric, and the same for the training list's commonest verb and middle time."""
        official = self.frames.official_objects()
        truth = TrueObjects(*official[:5], num_images=len(official.uids))
        self.scored, self.constant = (ShortTermAnticipation(truth).to(self.device) for _ in range(2))
        verbs, times = zip(*self.frames.training_targets(), strict=True)
        self.usual = int(np.bincount(verbs).argmax()), float(median(times))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Gives every detected box its verb and time."""
        if not len(batch):
            return
        boxes, index = flat_boxes([known["views"] for known in batch.annotations], batch.video)
        verbs, seconds = self.objective.model(self.objective.model.input.prepare(batch.video), boxes, index)
        sure, verb = verbs.double().softmax(1).max(1)
        for number, known in enumerate(batch.annotations):
            mine = index == number
            self._keep(known, sure[mine], verb[mine], seconds[mine].double())

    def _keep(self, known: dict[str, Any], sure: Tensor, verb: Tensor, seconds: Tensor) -> None:
        size = torch.tensor(known["size"] * 2, dtype=torch.float64, device=self.device)
        box = torch.tensor(known["boxes"], dtype=torch.float64, device=self.device).reshape(-1, 4) * size
        noun = torch.tensor(known["nouns"], dtype=torch.int64, device=self.device)
        score = torch.tensor(known["scores"], dtype=torch.float64, device=self.device)
        self.scored.update(known["frame"], box, score * sure, noun, verb, seconds)
        usual, middle = self.usual
        self.constant.update(known["frame"], box, score, noun, verb * 0 + usual, seconds * 0 + middle)

    def on_test_epoch_end(self) -> None:
        """The server's file, and the outcome where the list has labels."""
        official = self.frames.official_objects()
        metrics = self.scored.compute()
        content = sta_content({official.uids[image]: rows for image, rows in self.scored.by_image().items()})
        self.submission = Submission(content, tuple(sta_problems(content, official.uids)))
        if not len(official.image):
            return
        constant = self.constant.compute()
        self.finish(
            Outcome(
                task="ego4d_short_term_anticipation",
                metrics=metrics,
                headline=HEADLINE,
                chance={name: constant[name] for name in metrics if not name.startswith("all/")},
                protocol={"verbs": len(self.frames.verbs), "boxes": "the detector's"},
                intervals=self.scored.intervals(videos_of_places(self, len(official.uids), "frame")),
            )
        )
