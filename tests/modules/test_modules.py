"""The LightningModules beside slow versions of what they test; training them end to end is in tests/run."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice
from internvideo_pl.data.batch import Batch
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.modules.recognition import Recognition
from internvideo_pl.modules.zero_shot import ZeroShotRecognition
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig
from internvideo_pl.objectives.supervised import Supervised, SupervisedConfig
from internvideo_pl.optim import OptimizerConfig

OPTIMISATION = {
    "optimizer": OptimizerConfig(lr=1e-3, scale_lr=True, warmup=0.1),
    "total_steps": 20,
    "global_batch": 128,
}


def batch(clips: int, frames: int, size: int = 48) -> Batch:
    generator = torch.Generator().manual_seed(0)
    video = torch.randint(0, 256, (clips, frames, size, size, 3), dtype=torch.uint8, generator=generator)
    index = torch.arange(clips)
    return Batch(video, index, torch.zeros(clips, dtype=torch.int64), index % 3, ["a red disc moves left"] * clips)


def masked() -> MaskedReconstruction:
    torch.manual_seed(0)
    model = MaskedChoice(size="tiny").build_autoencoder()
    return MaskedReconstruction(MaskedModeling(model, MaskedModelingConfig()), **OPTIMISATION)


def test_test_masks_are_a_function_of_the_clip_alone():
    module = masked()
    together, alone = module.masks(torch.tensor([7, 8])), module.masks(torch.tensor([8]))
    assert torch.equal(together.visible[1:], alone.visible)
    assert torch.equal(together.predicted[1:], alone.predicted)
    assert not torch.equal(together.visible[0], together.visible[1])
    assert together.visible.shape == (2, 2 * 4)  # 4 of 36 cells stay visible, in both slots


def test_recognition_is_cross_entropy_with_label_smoothing():
    torch.manual_seed(0)
    model = Classifier(MaskedChoice(size="tiny").build(), 3, ClassifyHeadConfig(init_scale=1.0)).eval()
    module = Recognition(Supervised(model, SupervisedConfig(label_smoothing=0.1)), **OPTIMISATION)
    clips = batch(4, 8)
    log = module.scores(clips).log_softmax(-1)
    target = F.one_hot(clips.label, 3) * 0.9 + 0.1 / 3
    assert torch.allclose(module.losses(clips)["loss"], -(target * log).sum(-1).mean(), atol=1e-6)


def test_supervised_loss_goes_down():
    torch.manual_seed(0)
    model = Classifier(MaskedChoice(size="tiny").build(), 3, ClassifyHeadConfig(init_scale=1.0))
    module = Recognition(Supervised(model, SupervisedConfig()), **OPTIMISATION)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    clips, losses = batch(6, 8), []
    for _ in range(20):
        losses.append(module.losses(clips)["loss"])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]


def test_the_learning_rate_follows_the_global_batch():
    found = masked().configure_optimizers()
    assert found["lr_scheduler"]["interval"] == "step"
    optimizer, scheduler = found["optimizer"], found["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == 0  # the warm-up starts there
    assert max(rates) == pytest.approx(1e-3 * 128 / 256)


def test_zero_shot_scores_average_the_probabilities_of_the_templates(monkeypatch):
    torch.manual_seed(0)
    encoder = MultimodalChoice(size="tiny", num_frames=2).build().eval()
    templates, classes = ("{}", "a video of {}"), ["red", "yellow disc", "left"]
    module = ZeroShotRecognition(encoder, templates, **OPTIMISATION)
    split = SimpleNamespace(official=4)
    data = SimpleNamespace(classes=classes, split=lambda name: split)
    monkeypatch.setattr(ZeroShotRecognition, "data", property(lambda self: data))
    clips = batch(4, 2)
    with torch.no_grad():
        module.on_test_epoch_start()
        got = module.scores(clips).exp()
        video = encoder.encode_video(encoder.input.prepare(clips.video))
        wanted = torch.zeros(4, 3)
        for template in templates:
            for i in range(4):
                texts = [encoder.encode_text(module.tokenizer([template.format(name)]))[0] for name in classes]
                cosines = torch.stack([F.cosine_similarity(video[i], text, dim=0) for text in texts])
                wanted[i] += (encoder.scale() * cosines).softmax(0) / len(templates)
    assert torch.allclose(got, wanted, atol=1e-5)
