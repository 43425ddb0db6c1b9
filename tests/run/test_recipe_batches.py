"""The batch of an optimiser step in every recipe of pretraining and post-pretraining, beside its source's."""

import pytest

from internvideo_pl.config import load_experiment
from internvideo_pl.folders import list_experiments
from internvideo_pl.run.schemas import SCHEMAS

# recipe -> (GPUs, videos of each) of its source; (1, n) where the source gives the sum alone, None for a batch of ours
PUBLISHED = {
    "pretrain/masked_k400_base": (16, 64),  # the release's b_k400 script: 16 to 64 GPUs
    "pretrain/masked_base_hybrid": (16, 64),  # b_hybrid, likewise
    "pretrain/masked_large_hybrid": (48, 24),  # l_hybrid
    "pretrain/masked_huge_hybrid": (64, 6),  # h_hybridv2
    "pretrain/align_base": (1, 14_336),  # the paper's video-text pairs
    "pretrain/align_large": (1, 14_336),
    "pretrain/align_msrvtt_base": None,
    "pretrain/own_videos": None,
    "posttrain/k400_masked_base": (32, 16),  # the b_k400 fine-tuning script: 32 to 64 GPUs
    "posttrain/k400_multimodal_base": None,
    "posttrain/k710_masked_base": (32, 16),
    "posttrain/k710_masked_large": (32, 6),  # the l_k700 fine-tuning script
    "posttrain/k710_masked_huge": (32, 4),  # mixk, on the paper's 32 GPUs
    "posttrain/k710_multimodal_base": (1, 256),  # UniFormerV2's k710 config of B/16
    "posttrain/k710_multimodal_large": (1, 512),  # the paper
    "posttrain/k710_clip_large": (1, 512),
}


def test_every_recipe_is_in_the_table() -> None:
    assert PUBLISHED.keys() == {name for name in list_experiments() if name.startswith(("pretrain/", "posttrain/"))}


@pytest.mark.parametrize("name", [name for name, batch in PUBLISHED.items() if batch])
def test_the_global_batch_is_the_sources(name: str) -> None:
    experiment = load_experiment(name, schemas=SCHEMAS)
    devices, each = PUBLISHED[name]
    assert experiment.trainer.global_batch == devices * each
    assert experiment.trainer.max_steps > 0 or experiment.trainer.max_epochs > 0


def test_images_keep_the_papers_proportion() -> None:
    data = load_experiment("pretrain/align_large", schemas=SCHEMAS).data
    assert (128 * data.batch_size, 128 * data.image_batch_size) == (14_336, 86_016)
