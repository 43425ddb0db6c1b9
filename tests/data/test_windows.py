import pytest
import torch

from internvideo_pl.data.batch import Sample, collate
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.windows import WindowClips
from internvideo_pl.video.sample import sliding_windows
from internvideo_pl.video.sources import open_source
from tests.data.clips import write_video


def windows(samples, **changes) -> WindowClips:
    values = {"num_frames": 4, "stride": 1, "hop": 2, "size": 32, "short_side": 48, "batch_size": 3, "num_workers": 0}
    return WindowClips(samples, ClipConfig(name="any", sampling="windows", **(values | changes)), FrameCache())


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    for i, frames in enumerate((21, 3, 12)):
        write_video(tmp_path / f"{i}.mp4", frames=frames)
    (tmp_path / "damaged.mp4").write_bytes(b"no video")
    return [Sample(tmp_path / name, name) for name in ("0.mp4", "1.mp4", "damaged.mp4", "2.mp4")]


def test_all_windows_come_once_in_parts(samples):
    clips = windows(samples)
    parts = [clips[item] for item in range(len(clips))]
    assert [len(part) for part in parts] == [3, 3, 3, 1, 1, 3, 2]
    assert clips.batch_size == 1
    found = [(clip.index, clip.view) for part in parts for clip in part]
    counts = {0: 9, 1: 1, 2: 1, 3: 5}  # (21 - 4) // 2 + 1, one short video, one fault, (12 - 4) // 2 + 1
    assert found == [(index, view) for index, count in counts.items() for view in range(count)]
    assert [clip.index for part in parts for clip in part if clip.video is None] == [2]
    assert len(collate([parts[4]]).faults) == 1


def test_a_window_is_what_it_is_alone(samples):
    clips = windows(samples)
    frames = sliding_windows(21, 4, 2)
    alone = open_source(samples[0].path)
    for view, clip in enumerate(clip for item in range(3) for clip in clips[item]):
        middle = alone.frames(frames[view].tolist(), 32)[:, :, 5:37]  # 43 pixels wide at a short side of 32
        assert torch.equal(clip.video, middle)
