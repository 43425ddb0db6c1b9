"""State-change object detection (Ego4D): boxes in three frames, COCO's average precision, the server's file."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.changed_objects import ChangeData
from internvideo_pl.errors import UserError
from internvideo_pl.metrics.detection import MOST, ObjectDetection, TrueBoxes, average_precisions
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.detect import Detection
from internvideo_pl.submissions.ego4d_scod import scod_content, scod_problems
from internvideo_pl.submissions.submission import Submission

BINS = 10  # of each side, in which the commonest box is looked for
HEADLINE = "AP"
IMAGE_LIST = "coco_annotations/test.json"


class ChangeDetection(VideoModule):
    """Trains and tests a `ChangeDetector`; the last layer's surest boxes are its answer.

    Args:
        objective: The loss around the model.
        optimisation: See `VideoModule`.
    """

    objective: Detection
    scored: ObjectDetection

    def __init__(self, objective: Detection, **optimisation: Any):
        super().__init__(objective, **optimisation)

    @property
    def changes(self) -> ChangeData:
        """The data, which are changes."""
        data = self.data
        assert isinstance(data, ChangeData)
        return data

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss", "score", "side", "overlap"} of a batch."""
        known = batch.annotations or [None] * len(batch)
        boxes = [said["boxes"] if said else [[], [], []] for said in known]
        return self.objective(self.objective.model.prepare(batch.video), boxes)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric."""
        official = self.changes.official_changes()
        self.scored = ObjectDetection(TrueBoxes(official.image, official.box, official.images)).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps the boxes of every frame."""
        if not len(batch):
            return
        logits, boxes = self.objective.model(self.objective.model.prepare(batch.video))[-1]
        scores, boxes = logits.double().sigmoid(), boxes.double().clamp(0, 1)
        for number, known in enumerate(batch.annotations):
            for frame, (image, size) in enumerate(zip(known["images"], known["size"], strict=True)):
                score, order = scores[number, frame].topk(min(MOST, scores.shape[2]))
                corner = boxes[number, frame][order] * torch.tensor(size * 2, dtype=torch.float64, device=self.device)
                self.scored.update(image, torch.cat([corner[:, :2], corner[:, 2:] - corner[:, :2]], 1), score)

    def on_test_epoch_end(self) -> None:
        """The server's file, and the outcome where the list has labels."""
        official, found = self.changes.official_changes(), self.scored.predictions()
        content = scod_content(found.tolist())
        problems = scod_problems(content, official.images)
        if not (official.known or official.official_ids):
            problems.append(f"its image ids are ours, from 1: the list of the server's ids, {IMAGE_LIST}, is not there")
        self.submission = Submission(content, tuple(problems))
        if not official.known:
            return
        self.finish(
            Outcome(
                task="ego4d_state_change_object_detection",
                metrics=self.scored.compute(),
                headline=HEADLINE,
                chance=self._constant(),
                protocol={"boxes": "object_of_change", "most": MOST},
                intervals=self.scored.intervals(self._videos(official.images)),
            )
        )

    def _videos(self, images: list[int]) -> NDArray[np.int64]:
        """Number of the video that each image is of, (I,); images of a missing video have one of their own."""
        place = {image: number for number, image in enumerate(images)}
        videos = self.videos_of_test.tolist()
        found = len(videos) + np.arange(len(images))
        for sample, video in zip(self.changes.split("test").samples, videos, strict=True):
            found[[place[image] for image in sample.annotation["images"]]] = video
        return found

    def _constant(self) -> dict[str, float]:
        """The figures of the training list's commonest box in every image; none without a training list."""
        try:
            samples = self.changes.split("train").samples
        except UserError:
            return {}
        boxes = [box for sample in samples for each in sample.annotation["boxes"] for box in each]
        official = self.changes.official_changes()
        x1, y1, x2, y2 = commonest(np.array(boxes).reshape(-1, 4))
        share = np.array([x1, y1, x2 - x1, y2 - y1]) * np.tile(official.size, 2)  # (I, 4)
        rows = np.concatenate([np.array(official.images)[:, None], share, np.ones((len(share), 1))], 1)
        return average_precisions(self.scored.truth, rows)


def commonest(boxes: np.ndarray) -> np.ndarray:
    """The mean of the boxes (N, 4), as shares, that share the fullest cell of a grid over their sides."""
    _, cell, count = np.unique((boxes * BINS).astype(int), axis=0, return_inverse=True, return_counts=True)
    mean: np.ndarray = boxes[cell.reshape(-1) == count.argmax()].mean(0)
    return mean
