from dataclasses import replace

import pytest
import torch
from torch import Tensor

from internvideo_pl.backbones.multimodal import MultimodalConfig, MultimodalEncoder
from internvideo_pl.backbones.released_clip import (
    clip_from_openai,
    clip_to_openai,
    inflate,
    mix,
    openai_from_transformers,
    resize_positions,
    transformers_from_openai,
)
from internvideo_pl.backbones.released_multimodal import (
    multimodal_config_from,
    multimodal_from_released,
    multimodal_to_released,
)
from internvideo_pl.backbones.text_tower import TextTowerConfig
from internvideo_pl.backbones.video_tower import VideoTowerConfig
from internvideo_pl.errors import UserError

CONFIG = MultimodalConfig(
    video=VideoTowerConfig(size=32, patch=8, width=48, depth=3, heads=4, global_after=(1, 2), num_frames=4),
    text=TextTowerConfig(width=32, depth=2, heads=2, vocab_size=60, context_length=12),
    embed_dim=24,
)


def encoder(config: MultimodalConfig = CONFIG) -> MultimodalEncoder:
    torch.manual_seed(0)
    return MultimodalEncoder(config).eval()


@pytest.fixture(scope="module")
def clip():  # type: ignore[no-untyped-def]
    """A tiny CLIP of transformers, built here and never downloaded; all weights random."""
    transformers = pytest.importorskip("transformers")
    text = {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    text |= {"vocab_size": 60, "max_position_embeddings": 12, "eos_token_id": 59, "bos_token_id": 58}
    vision = {"hidden_size": 48, "intermediate_size": 192, "num_hidden_layers": 3, "num_attention_heads": 4}
    vision |= {"image_size": 32, "patch_size": 8}
    torch.manual_seed(1)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    model = transformers.CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_transformers_layout_both_ways(clip) -> None:  # type: ignore[no-untyped-def]
    theirs = clip.state_dict()
    openai = openai_from_transformers(theirs)
    assert openai["visual.transformer.resblocks.0.attn.in_proj_weight"].shape == (144, 48)
    back = transformers_from_openai(openai)
    assert back.keys() == {name for name in theirs if "position_ids" not in name}
    assert all(torch.equal(back[name], theirs[name]) for name in back)


def test_openai_layout_both_ways() -> None:
    state = encoder().state_dict()
    openai = clip_to_openai(state)
    assert {"visual.proj", "visual.ln_post.weight", "positional_embedding", "transformer.resblocks.1.ln_2.bias"} <= set(
        openai
    )
    assert openai["visual.conv1.weight"].shape == (48, 3, 8, 8)
    back = clip_from_openai(openai | {"input_resolution": torch.tensor(32), "vocab_size": torch.tensor(60)})
    assert back.keys() <= state.keys()
    for name, value in back.items():
        assert torch.equal(value if name != "visual.conv1.weight" else value[:, :, None], state[name])
    new = ("dpe", "dec", "temporal_cls_token", "balance", "text_mask_embedding")
    assert all(any(part in name for part in new) for name in state.keys() - back.keys())


def test_strided_patches_are_no_clip() -> None:
    strided = MultimodalEncoder(replace(CONFIG, video=replace(CONFIG.video, temporal_downsample=True, local_mixers=2)))
    with pytest.raises(UserError, match="several frames"):
        clip_to_openai(strided.state_dict())


def test_inflation_of_patches() -> None:
    weight = torch.randn(5, 3, 2, 2)
    assert torch.equal(inflate(weight, 3)[:, :, 1], weight)
    assert not inflate(weight, 3)[:, :, [0, 2]].any()
    assert torch.equal(inflate(weight, 1)[:, :, 0], weight)
    torch.testing.assert_close(inflate(weight, 4, centre=False).sum(2), weight)


def test_positions_of_another_resolution() -> None:
    ramp = torch.cat([torch.zeros(1, 2), torch.stack([torch.arange(64.0) % 8, torch.arange(64.0) // 8], 1)])
    grown = resize_positions(ramp, 16)[1:].unflatten(0, (16, 16))
    want, near = torch.tensor([2.75, 3.25, 3.75, 4.25]), {"rtol": 0, "atol": 0.06}  # bicubic bends a ramp a little
    torch.testing.assert_close(grown[7, 6:10, 0], want, **near)  # columns stay columns
    torch.testing.assert_close(grown[6:10, 7, 1], want, **near)  # rows stay rows
    torch.testing.assert_close(resize_positions(ramp, 8), ramp)


def test_mixing_weights() -> None:
    ours, clip_weights = {"a": torch.tensor([4.0]), "b": torch.tensor([1.0])}, {"a": torch.tensor([0.0])}
    assert mix(ours, clip_weights, 0.25) == {"a": torch.tensor([3.0]), "b": torch.tensor([1.0])}
    assert mix(ours, clip_weights, 0.0)["a"] == 4
    assert mix(ours, clip_weights, 1.0)["a"] == 0
    with pytest.raises(UserError, match=r"between 0 and 1, not 1\.5"):
        mix(ours, clip_weights, 1.5)
    with pytest.raises(UserError, match="a cannot be mixed"):
        mix(ours, {"a": torch.zeros(2)}, 0.5)


def test_released_names_both_ways() -> None:
    state: dict[str, Tensor] = encoder().state_dict()
    released = multimodal_to_released(state)
    assert all(name.startswith("clip.") for name in released)
    back = multimodal_from_released(released)
    assert back.keys() == state.keys()
    assert all(back[name] is state[name] for name in state)
    with pytest.raises(UserError, match="not optimizer"):
        multimodal_from_released(released | {"optimizer": torch.zeros(1)})
    with pytest.raises(UserError, match="visual_proj"):
        multimodal_config_from({name: x for name, x in state.items() if name != "visual_proj"})
