"""Contrastive alignment of paired videos and sentences.

Shapes: B pairs, D embedding width.
Source: InternVideo (arXiv 2212.03191, section 3.1), the symmetric loss of CLIP (arXiv 2103.00020, figure 3).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

DUAL_TEMPERATURE = 1000.0  # public code of arXiv 2109.04290


def symmetric_cross_entropy(logits: Tensor) -> Tensor:
    """Mean of "which sentence is this video's" and "which video is this sentence's".

    Args:
        logits: (B, B) scaled similarities; pairs lie on the diagonal.

    Returns:
        Scalar; ln B when nothing is known.
    """
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def contrastive_loss(video: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE on cosine similarities.

    Args:
        video: (B, D) vectors of any length, of all processes if there are several (`gather_with_gradient`).
        text: (B, D) vectors; row i is the sentence of video i.
        scale: Scalar factor on the cosines (the inverse temperature).

    Returns:
        Scalar.
    """
    return symmetric_cross_entropy(scale * F.normalize(video, dim=-1) @ F.normalize(text, dim=-1).T)


def dual_softmax_loss(logits: Tensor) -> Tensor:
    """Cross entropy of rows whose entries are first weighted by how strongly their column prefers them (CAMoE).

    Source: arXiv 2109.04290, dual softmax loss.

    Args:
        logits: (B, B) scaled similarities; pairs lie on the diagonal.

    Returns:
        Scalar; one direction only: add the transposed one for both.
    """
    prior = (logits / DUAL_TEMPERATURE).softmax(dim=0) * len(logits)
    return F.cross_entropy(logits * prior, torch.arange(len(logits), device=logits.device))
