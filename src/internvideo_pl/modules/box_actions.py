"""Spatio-temporal localisation: learns the actions of boxes on key frames, tested on the boxes that a detector found.

Shapes: B clips, R boxes of all clips, K actions.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.keyframe_data import KeyframeData
from internvideo_pl.metrics.boxes import FrameDetection, TrueBoxes
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.box_actions import BoxActions

WHOLE = [0.0, 0.0, 1.0, 1.0]  # the box of a clip of which nothing is known: steps on made-up clips have none


class BoxActionDetection(VideoModule):
    """Trains and tests action scores of boxes; a score is the action's probability times the detector's score.

    Args:
        objective: Binary cross entropy around the model.
        num_classes: K; action ids are 1 to K.
        optimisation: See `VideoModule`.
    """

    objective: BoxActions
    official: FrameDetection
    release: FrameDetection
    guess: FrameDetection

    def __init__(self, objective: BoxActions, num_classes: int, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.num_classes = num_classes

    @property
    def key_frames(self) -> KeyframeData:
        """The data, which are key frames."""
        data = self.data
        assert isinstance(data, KeyframeData)
        return data

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": binary cross entropy of the boxes' actions}."""
        known = [annotation or {"boxes": [WHOLE], "actions": [[]]} for annotation in _each(batch)]
        boxes, index = flat_boxes([clip["boxes"] for clip in known], batch.video)
        target = torch.zeros(len(boxes), self.num_classes)
        for row, actions in enumerate(actions for clip in known for actions in clip["actions"]):
            target[row, torch.tensor(actions, dtype=torch.int64) - 1] = 1
        return self.objective(self.objective.prepare(batch.video), boxes, index, target.to(boxes))

    def on_test_epoch_start(self) -> None:
        """Prepares the official metric, the release's variant, and the same for scores that know nothing."""
        data = self.key_frames
        truth, parts = TrueBoxes(*data.official_boxes()), data.parts()
        self.official = FrameDetection(truth, parts=parts).to(self.device)
        self.release = FrameDetection(truth, cap=0, empty_frames=False).to(self.device)
        self.guess = FrameDetection(truth).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores every action of every detected box."""
        if not len(batch):
            return
        boxes, index = flat_boxes([known["views"] for known in batch.annotations], batch.video)
        full = self.key_frames.config.test_view == "full"
        logits = self.objective.model(self.objective.prepare(batch.video, full), boxes, index)
        self._keep(batch.annotations, logits.double().sigmoid())

    def _keep(self, clips: list[dict[str, Any]], probability: Tensor) -> None:
        """The scores (R, K) of all clips' boxes as detections of every box with every action."""
        boxes = torch.tensor([box for known in clips for box in known["boxes"]], dtype=torch.float64).reshape(-1, 4)
        sure = torch.tensor([score for known in clips for score in known["scores"]], dtype=torch.float64)[:, None]
        action = torch.arange(1, self.num_classes + 1).repeat(len(boxes))
        each = boxes.repeat_interleave(self.num_classes, 0)
        drawn = [np.random.default_rng(k["frame"]).random((len(k["boxes"]), self.num_classes)) for k in clips]
        guess = torch.from_numpy(np.concatenate(drawn))
        frames = np.array([known["frame"] for known in clips], dtype=np.int64)
        counts = np.array([len(known["boxes"]) for known in clips], dtype=np.int64) * self.num_classes
        told = probability.cpu()
        for metric, scores in ((self.official, told), (self.release, told), (self.guess, guess)):
            metric.update(frames, counts, each, (scores * sure).flatten(), action)

    def on_test_epoch_end(self) -> None:
        """Turns the detections into an outcome."""
        metrics = self.official.compute()
        metrics["release/mAP@0.5"] = self.release.compute()["mAP@0.5"]
        self.finish(
            Outcome(
                task="spatiotemporal_localization",
                metrics=metrics,
                headline="mAP@0.5",
                chance={"mAP@0.5": self.guess.compute()["mAP@0.5"]},
                protocol={"classes": len(self.official.truth.classes), "pixels": self.objective.config.pixels},
                intervals=self.official.intervals(videos_of_places(self, self.official.truth.num_frames, "frame")),
            )
        )


def videos_of_places(module: VideoModule, count: int, name: str) -> NDArray[np.int64]:
    """int64 (count,): the video of each entry of an official list, to which samples point by an annotation.

    Args:
        module: During its test.
        count: Entries of the list; those without a sample have a video of their own.
        name: What in a sample's annotation is its place in the list.
    """
    videos = module.videos_of_test.numpy()
    found = len(videos) + np.arange(count)
    found[[sample.annotation[name] for sample in module.data.split("test").samples]] = videos
    return found


def _each(batch: Batch) -> list[Any]:
    return batch.annotations or [None] * len(batch)


def flat_boxes(clips: list[list[list[float]]], video: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes of all clips (R, 4), and the clip of each (R,), on the video's device."""
    boxes = torch.tensor([box for clip in clips for box in clip], dtype=torch.float32, device=video.device)
    index = [number for number, clip in enumerate(clips) for _ in clip]
    return boxes.reshape(-1, 4), torch.tensor(index, dtype=torch.int64, device=video.device)
