"""Next-word loss of the caption decoder.

Shapes: B batch, L text length, V vocabulary.
Source: InternVideo (arXiv 2212.03191, section 3.1), the captioning loss of CoCa (arXiv 2205.01917).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.losses.gather import total, world_size

IGNORED = -100  # torch.nn.functional.cross_entropy's ignore_index; the public release uses it too


def caption_labels(ids: Tensor) -> Tensor:
    """The word after each position, (B, L) ids -> (B, L - 1) labels.

    The end token (the largest id) is predicted; what follows it is padding and ignored. Padding is told from words by
    its place: id 0 also is a real token ("!" in CLIP's vocabulary).
    """
    end = ids.argmax(dim=-1, keepdim=True)  # (B, 1)
    position = torch.arange(1, ids.shape[1], device=ids.device)
    return ids[:, 1:].masked_fill(position > end, IGNORED)


def caption_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the words of the batch, of all processes' batches together.

    Args:
        logits: (B, L, V).
        labels: (B, L) int64, -100 where nothing is predicted.

    Returns:
        Scalar; averaged over processes it is the mean over all their words.
    """
    summed = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    words = total((labels != IGNORED).sum())
    return summed * world_size() / words
