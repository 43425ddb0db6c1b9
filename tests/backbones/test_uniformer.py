import pytest
import torch

from internvideo_pl.backbones.local_mhra import LocalMHRA
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig, over_patches

CONFIG = VideoTowerConfig(
    size=16,
    patch=8,
    width=24,
    depth=2,
    heads=2,
    global_after=(1,),
    num_frames=4,
    local_mixers=2,
    temporal_downsample=True,
)


def slow_mixer(mixer: LocalMHRA, x: torch.Tensor) -> torch.Tensor:
    """The local mixer at one place at a time, from its definition. x (B, D, T, H, W)."""
    norm, into, over_time, out = mixer.pos_embed
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    result = torch.empty_like(x)
    for b in range(x.shape[0]):
        for h in range(x.shape[3]):
            for w in range(x.shape[4]):
                y = (x[b, :, :, h, w].T - norm.running_mean) * scale + norm.bias  # (T, D)
                y = y @ into.weight.flatten(1).T + into.bias  # (T, D')
                padded = torch.cat([torch.zeros(1, y.shape[1]), y, torch.zeros(1, y.shape[1])])
                kernel = over_time.weight[:, 0, :, 0, 0]  # (D', 3)
                y = sum(padded[k : k + len(y)] * kernel[:, k] for k in range(3)) + over_time.bias
                result[b, :, :, h, w] = (y @ out.weight.flatten(1).T + out.bias).T
    return result


def test_mixer_equals_its_definition() -> None:
    torch.manual_seed(0)
    mixer = LocalMHRA(12, reduction=1.5).eval()
    with torch.no_grad():
        for tensor in (*mixer.parameters(), mixer.pos_embed[0].running_mean):
            tensor.normal_()
        mixer.pos_embed[0].running_var.uniform_(0.5, 2)
    x = torch.randn(2, 12, 4, 2, 2)
    torch.testing.assert_close(mixer(x), slow_mixer(mixer, x), rtol=1e-4, atol=1e-4)
    assert mixer.pos_embed[1].out_channels == 8


def test_fresh_mixers_leave_clip_alone() -> None:
    torch.manual_seed(0)
    model = VideoTower(CONFIG).eval()
    plain = VideoTower(VideoTowerConfig(**{**vars(CONFIG), "local_mixers": 0})).eval()
    plain.load_state_dict({name: x for name, x in model.state_dict().items() if "lmhra" not in name})
    video = torch.randn(2, 3, 4, 16, 16)
    assert torch.equal(model(video).pooled, plain(video).pooled)


def test_strided_frames_halve_time() -> None:
    features = VideoTower(CONFIG)(torch.randn(2, 3, 4, 16, 16))
    assert features.grid == (2, 2, 2)
    assert features.tokens.shape == (2, 2 * 5, 24)


def test_over_patches_keeps_class_tokens_and_places() -> None:
    x = torch.arange(2 * 3 * 5 * 4.0).view(2, 3, 5, 4)  # (B, T, L, D), 2 x 2 patches
    seen = {}

    def layer(volume: torch.Tensor) -> torch.Tensor:
        seen["volume"] = volume
        return torch.zeros_like(volume).index_fill(2, torch.tensor([1]), 100.0)  # only the second frame

    y = over_patches(layer, x, (2, 2))
    assert torch.equal(seen["volume"][1, 3, 2, 0, 1], x[1, 2, 2, 3])  # video 1, channel 3, frame 2, row 0, column 1
    assert torch.equal(y[:, [0, 2]], x[:, [0, 2]])
    assert torch.equal(y[:, 1, 0], x[:, 1, 0])
    assert torch.equal(y[:, 1, 1:], x[:, 1, 1:] + 100)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_number_of_mixers(count: int) -> None:
    names = VideoTower(VideoTowerConfig(**{**vars(CONFIG), "local_mixers": count})).state_dict()
    assert {i for i in (1, 2) if any(f"lmhra{i}" in name for name in names)} == set(range(1, count + 1))
