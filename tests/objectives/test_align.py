from dataclasses import replace

import pytest
import torch
from torch import Tensor

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MULTIMODAL
from internvideo_pl.config import load_experiment
from internvideo_pl.losses.caption import caption_labels, caption_loss
from internvideo_pl.losses.contrastive import contrastive_loss
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.run.schemas import SCHEMAS

TINY = MULTIMODAL["tiny"]


def batch(count: int = 4) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    ids = torch.zeros(count, 32, dtype=torch.int64)
    ids[:, 0] = 1022
    for i in range(count):
        ids[i, 1 : 3 + i] = torch.randint(1, 1000, (2 + i,))
        ids[i, 3 + i] = 1023
    return torch.randn(count, 3, 4, 48, 48), ids


def objective(**weights: float) -> Alignment:
    torch.manual_seed(0)
    return Alignment(MultimodalEncoder(TINY), AlignmentConfig(**weights))


def test_losses_are_those_of_the_parts() -> None:
    model = objective(contrastive_weight=2.0, caption_weight=0.5).eval()
    video, ids = batch()
    losses, encoder = model(video, ids), model.encoder
    matching = contrastive_loss(encoder.encode_video(video), encoder.encode_text(ids), torch.tensor(1 / 0.07))
    words = encoder.caption_decoder(encoder.visual(video).tokens, encoder.text(ids[:, :-1]).tokens)
    captions = caption_loss(words, caption_labels(ids))
    torch.testing.assert_close(losses["contrastive_loss"], matching)
    torch.testing.assert_close(losses["caption_loss"], captions)
    torch.testing.assert_close(losses["loss"], 2 * matching + 0.5 * captions)


def test_without_a_decoder_there_is_no_caption_loss() -> None:
    model = Alignment(MultimodalEncoder(replace(TINY, caption=None)), AlignmentConfig())
    losses = model(*batch())
    assert losses.keys() == {"loss", "contrastive_loss"}
    assert losses["loss"] == losses["contrastive_loss"]


def test_every_trained_parameter_gets_a_gradient() -> None:
    model = objective()
    with torch.no_grad():  # what starts at zero lets no gradient through at the very first step
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    model(*batch())["loss"].backward()
    for name, parameter in model.named_parameters():
        used = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert used == parameter.requires_grad, name
        assert used == (name != "encoder.text.text_mask_embedding"), name  # only masked words read it


def test_goes_down_in_20_steps() -> None:
    model = objective()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = model(*batch())["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_bfloat16_runs_and_agrees() -> None:
    model = objective().eval()
    full = model(*batch())["loss"].item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(*batch())["loss"]
    half.backward()
    assert half.item() == pytest.approx(full, rel=0.02)


def test_a_text_tower_that_does_not_learn_stays_as_it_is() -> None:
    """The names that the release's `freeze_text` stops: transformer, embeddings, last norm and projection."""
    model = objective(train_text=False)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.AdamW([value for value in model.parameters() if value.requires_grad], lr=1e-2)
    for _ in range(2):  # what starts at zero lets no gradient through at the very first step
        model(*batch())["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    still = {name for name, value in model.named_parameters() if torch.equal(value, before[name])}
    text = {name for name in before if name.startswith("encoder.text.") or name == "encoder.text_projection"}
    assert text
    assert text <= still
    learnt = {"encoder.logit_scale", "encoder.visual_proj", "encoder.caption_decoder.visual_queries"}
    assert learnt <= before.keys() - still


def test_the_recipes_of_both_sizes_can_keep_the_text_tower() -> None:
    config = load_experiment("pretrain/align_large", ["objective.train_text=false"], schemas=SCHEMAS).objective
    assert not config.train_text
    assert load_experiment("pretrain/align_large", schemas=SCHEMAS).objective.train_text
