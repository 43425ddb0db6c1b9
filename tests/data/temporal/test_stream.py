"""Windows of long videos: every one once, at the right time, whole videos for each worker; what is done is not read."""

import numpy as np
import pytest
from torch.utils.data import DataLoader

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.sampling import Footage
from internvideo_pl.data.temporal import stream
from internvideo_pl.data.temporal.module import LocalizationConfig
from internvideo_pl.data.temporal.stream import WindowStream, timed_windows
from tests.data.clips import write_video

CONFIG = LocalizationConfig(
    name="x", sampling="windows", num_frames=4, hop=3, batch_size=2, size=16, short_side=16, num_workers=0
)


def footage(frames: int, fps: float) -> Footage:
    return Footage(frames, lambda: np.arange(frames) / fps)


def test_windows_are_where_actionformer_puts_them():
    windows, middles, duration = timed_windows(footage(20, 10.0), CONFIG, None)
    assert windows[:2].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]
    np.testing.assert_allclose(middles, (np.arange(6) * 3 + 0.5 * 4) / 10.0)
    assert duration == pytest.approx(2.0)


def test_another_rate_takes_the_frames_that_are_shown_then():
    windows, middles, duration = timed_windows(footage(20, 10.0), CONFIG, 5.0)
    assert windows.tolist() == [[0, 2, 4, 6], [6, 8, 10, 12], [12, 14, 16, 18]]
    np.testing.assert_allclose(middles, (np.arange(3) * 3 + 2) / 5.0)
    assert duration == pytest.approx(2.0)
    doubled, _, _ = timed_windows(footage(5, 10.0), CONFIG, 20.0)
    assert doubled[0].tolist() == [0, 0, 1, 1]


def test_a_video_shorter_than_a_window_has_one_that_repeats_its_last_frame():
    windows, middles, duration = timed_windows(footage(2, 10.0), CONFIG, None)
    assert windows.tolist() == [[0, 1, 1, 1]]
    assert middles[0] == pytest.approx(0.2)  # of the stretch that it would have
    assert duration == pytest.approx(0.2)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", 20), ("b", 5), ("c", 13)):
        write_video(folder / f"{name}.mp4", frames=frames)
    (folder / "bad.mp4").write_bytes(b"no video")
    return [Sample(str(folder / f"{name}.mp4"), name) for name in ("a", "bad", "b", "c")]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_window_of_every_video_comes_once_in_its_order(videos, workers):
    loader = DataLoader(WindowStream(videos, CONFIG, FrameCache()), batch_size=None, num_workers=workers)
    seen: dict[int, list[int]] = {}
    faults = []
    for batch in loader:
        faults += [fault.path for fault in batch.faults]
        assert len(set(batch.index.tolist())) <= 1
        for index, view, told in zip(batch.index.tolist(), batch.view.tolist(), batch.annotations, strict=True):
            seen.setdefault(index, []).append(view)
            if told:
                assert told["windows"] == {0: 6, 2: 1, 3: 4}[index]
    assert seen == {0: [0, 1, 2, 3, 4, 5], 2: [0], 3: [0, 1, 2, 3]}
    assert faults == [videos[1].path]


def test_what_is_done_is_not_opened(videos):
    stream = WindowStream(videos, CONFIG, FrameCache(), skip=lambda key: key in ("a", "bad"))
    assert {index for batch in stream for index in batch.index.tolist()} == {2, 3}


def test_processes_share_the_videos_out_whole(videos, monkeypatch):
    taken = []
    for rank in range(2):
        monkeypatch.setattr(stream.dist, "is_initialized", lambda: True)
        monkeypatch.setattr(stream.dist, "get_rank", lambda rank=rank: rank)
        monkeypatch.setattr(stream.dist, "get_world_size", lambda: 2)
        loader = DataLoader(WindowStream(videos, CONFIG, FrameCache()), batch_size=None, num_workers=0)
        taken.append({index for batch in loader for index in batch.index.tolist()})
    assert taken == [{0, 2}, {3}]  # the second's other video cannot be read
