"""Alignment of a step that has images beside its videos: each batch by itself, and the sum of both."""

import torch

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.data.batch import Clip, collate
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.optim import OptimizerConfig


def module() -> ContrastiveAlignment:
    torch.manual_seed(0)
    encoder = MultimodalChoice(size="tiny", num_frames=2, global_dropout=0.0).build()
    objective = Alignment(encoder, AlignmentConfig())
    return ContrastiveAlignment(objective, optimizer=OptimizerConfig(lr=1e-3), total_steps=2, global_batch=5)


def clips(count: int, frames: int, seed: int) -> list[Clip]:
    generator = torch.Generator().manual_seed(seed)
    shape = (frames, 48, 48, 3)
    words = ["a red disc", "a blue ring", "a green square", "a white cross", "a purple disc"]
    videos = [torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for _ in range(count)]
    return [Clip(video, i, text=words[i]) for i, video in enumerate(videos)]


def test_the_loss_is_the_sum_of_both_batches_and_each_is_that_of_its_batch_alone():
    videos, images = clips(2, 4, seed=1), clips(5, 1, seed=2)
    one = module()
    both = one.losses(collate([*videos, *images]))
    alone = one.losses(collate(videos))
    still = collate(images)  # a batch of images alone is a batch like any other, of one frame
    assert still.images is None
    assert still.video.shape[1] == 1
    encoder = one.objective.encoder
    video = encoder.input.prepare(still.video.expand(-1, 2, -1, -1, -1))[:, :, :1]
    picture = one.objective(video, one.tokenize(still.text))
    assert set(both) == {"loss", "contrastive_loss", "caption_loss", "image_contrastive_loss", "image_caption_loss"}
    for name in ("contrastive_loss", "caption_loss"):
        torch.testing.assert_close(both[name], alone[name])
        torch.testing.assert_close(both[f"image_{name}"], picture[name])
    torch.testing.assert_close(both["loss"], sum(value for name, value in both.items() if name != "loss"))


def test_one_backward_pass_reaches_the_towers_from_both_batches():
    def gradient(found):
        one = module()
        one.losses(collate(found))["loss"].backward()
        return one.objective.encoder.visual.conv1.weight.grad

    videos, images = clips(2, 4, seed=1), clips(5, 1, seed=2)
    both, alone = gradient([*videos, *images]), gradient(videos)
    assert not torch.allclose(both, alone)


def test_images_go_with_the_batch():
    batch = collate([*clips(2, 4, seed=1), *clips(3, 1, seed=2)])
    moved = batch.on("meta")
    assert (len(batch), len(batch.images)) == (2, 3)
    assert moved.video.device.type == moved.images.video.device.type == "meta"
    assert batch.images.text == ["a red disc", "a blue ring", "a green square"]
