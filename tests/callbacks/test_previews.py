import pytest
import torch
from PIL import Image

from internvideo_pl.callbacks import previews
from internvideo_pl.callbacks.pictures import filmstrip
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.order import Draw
from internvideo_pl.video.augment import AugmentConfig, ClipAugment
from tests.data.clips import write_video


class Toy(VideoData):
    facts = DatasetFacts("Toy", "recognition", {}, "https://example.org", "none", "none", "<root>/*.mp4")

    def read(self, split: str) -> Split:
        return Split([Sample(str(path), path.name) for path in sorted(self.root.glob("*.mp4"))])


@pytest.mark.parametrize("videos", [1, 6])
def test_each_clip_stands_above_what_augmentation_makes_of_it(tmp_path, monkeypatch, videos):
    for i in range(videos):
        write_video(tmp_path / f"{i}.mp4", frames=8)
    augment = AugmentConfig(rand_augment="rand-m10-n4-p1-inc1")
    config = ClipConfig(
        name="toy",
        num_frames=2,
        stride=1,
        size=32,
        short_side=48,
        batch_size=1,
        num_workers=0,
        num_sample=2,
        augment=augment,
    )
    rows = []
    monkeypatch.setattr(
        previews, "filmstrip", lambda strips, *rest, **words: rows.extend(strips) or filmstrip(strips, *rest, **words)
    )
    data = Toy(config, tmp_path)
    preview = previews.augmented_previews(data, tmp_path)
    assert Image.open(preview.path).height > 4 * 2 * 112  # four clips, two rows each
    assert [row.label for row in rows] == ["cropped", "augmented"] * 4
    key = data.train_dataloader().dataset[Draw(0, 0)][0].key
    assert torch.equal(rows[1].frames, ClipAugment(augment)(rows[0].frames[None], [key])[0])
