"""Coordination of two frozen encoders by cross-model attention (InternVideo, arXiv 2212.03191, section 3.2)."""

from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.heads.coordinated import CoordinatedClassifier, InternVideoT
from internvideo_pl.modules.recognition import Recognition


class CoordinatedFusion(Recognition):
    """Trains the gated modules between two frozen encoders, and both heads, on a recognition task.

    The step and the test are those of `Recognition`; what is special, frozen encoders and gates, is in the model. How
    far each gate is open is logged under `gates/`, in [-1, 1]: 0 is closed, and all start there.
    """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One step; logs the gates as well."""
        if isinstance(self.model, CoordinatedClassifier | InternVideoT):
            opened = {f"gates/{name}": value for name, value in self.model.gates().items()}
            self.log_dict(opened, batch_size=len(batch))
        return super().training_step(batch, batch_idx)
