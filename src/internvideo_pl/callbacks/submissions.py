"""The file for a challenge's server, beside the run that predicted it."""

import json
import sys
from pathlib import Path

import lightning as L

from internvideo_pl.modules.base import VideoModule

WHOLE, LACKING = "submission.json", "submission-incomplete.json"


class Submissions(L.Callback):
    """Writes a test's submission, if there is one: under another name where its validator found problems.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def on_test_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write it, and say what is wrong with it."""
        assert isinstance(module, VideoModule)
        submission = module.submission
        if submission is None or not trainer.is_global_zero:
            return
        path = self.folder / (LACKING if submission.problems else WHOLE)
        path.write_text(json.dumps(submission.content, allow_nan=False), encoding="utf-8")
        if submission.problems:
            print(f"{path} is not what the server wants: {'; '.join(submission.problems)}", file=sys.stderr)
