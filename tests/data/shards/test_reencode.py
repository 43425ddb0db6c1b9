"""Re-encoded videos: the same frames at the same times, small, with the key frames that were asked for."""

import math
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from internvideo_pl.data.shards.reencode import Reencode, reencode, reencoded, remuxed
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.sources.pictures import PictureFolder
from tests.data.clips import write_video

REAL = Path(__file__).resolve().parents[4] / "shared" / "videos"


def test_frames_and_times_stay_and_the_short_side_is_what_was_asked(tmp_path):
    levels = write_video(tmp_path / "a.mp4", frames=40, width=134, height=100)
    reencode(tmp_path / "a.mp4", tmp_path / "b.mp4", Reencode(size=64))
    before, after = open_source(tmp_path / "a.mp4"), open_source(tmp_path / "b.mp4")
    frames = after.frames(range(40))
    assert frames.shape == (40, 64, 84, 3)  # 64 x 85.76, then even
    assert np.abs(frames.float().mean(dim=(1, 2, 3)).numpy() - levels).max() < 4
    np.testing.assert_allclose(after.times(), before.times(), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_small_videos_are_not_enlarged_and_sides_become_even(tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((45, 61, 3), number * 50, np.uint8)).save(folder / f"{number + 1}.png")
    reencode(folder, tmp_path / "b.mp4")
    after = open_source(tmp_path / "b.mp4")
    assert after.frames([0, 1, 2]).shape == (3, 44, 60, 3)
    np.testing.assert_allclose(after.times(), [0, 1 / 12, 2 / 12], atol=1e-5)


@pytest.mark.parametrize("settings", [Reencode(gop=8, b_frames=3), Reencode(gop=5, b_frames=0), Reencode(gop=1)])
def test_key_frames_and_what_stands_between_them(tmp_path, settings):
    """Decoding starts at most gop frames before any frame, and pictures between two others refer to none of them."""
    write_video(tmp_path / "a.mp4", frames=41)
    reencode(tmp_path / "a.mp4", tmp_path / "b.mp4", settings)
    assert shown(tmp_path / "b.mp4", "NONKEY") == list(range(0, 41, settings.gop))
    kept = shown(tmp_path / "b.mp4", "NONREF")
    most = 1 + (settings.b_frames if settings.gop > 1 else 0)
    assert max(b - a for a, b in pairwise([*kept, 41])) == most
    assert len(kept) < 41 * 0.45 if most > 1 else kept == list(range(41))


def shown(path: Path, skipped: str) -> list[int]:
    """Numbers of the frames that come out of a decoder that skips pictures of a kind."""
    with av.open(str(path)) as file:
        file.streams.video[0].codec_context.skip_frame = skipped
        return [round(frame.time * 10) for frame in file.decode(video=0)]


def test_uneven_times_stay_uneven(tmp_path):
    from fractions import Fraction

    times = np.cumsum([0, 7, 40, 33, 90, 41, 11, 47, 39, 45, 200])  # milliseconds
    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), time % 200, np.uint8), format="rgb24")
            frame.pts, frame.time_base = int(time) + 5000, Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    reencode(tmp_path / "a.mkv", tmp_path / "b.mp4")
    np.testing.assert_allclose(open_source(tmp_path / "b.mp4").times(), times / 1000, atol=1e-5)


def test_the_same_video_gives_the_same_bytes(tmp_path):
    write_video(tmp_path / "a.mp4", frames=20)
    one, other = (reencoded(tmp_path / "a.mp4", Reencode()).getvalue() for _ in range(2))
    assert one == other


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_pictures_in_one_file_keep_every_pixel(tmp_path, ending):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 255, (40, 56, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number + 1:05d}.{ending}")
    (tmp_path / "one.mov").write_bytes(remuxed(PictureFolder(str(folder))).getvalue())
    before, after = open_source(folder), open_source(tmp_path / "one.mov")
    assert after.num_frames() == 5
    for side in (None, 24):
        assert after.frames([4, 0, 2], side).equal(before.frames([4, 0, 2], side))


def test_what_cannot_be_read_is_not_written(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DecodeError):
        reencode(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]
    folder = tmp_path / "both"
    folder.mkdir()
    for name in ("1.png", "2.jpg"):
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(folder / name)
    with pytest.raises(DecodeError, match="both JPEG and PNG"):
        remuxed(PictureFolder(str(folder)))


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real clips beside the project")
def test_a_real_clip_stays_close_to_what_it_was(tmp_path):
    reencode(REAL / "k400_340x256_10s.mp4", tmp_path / "b.mp4")
    chosen = range(0, 300, 10)
    before = open_source(REAL / "k400_340x256_10s.mp4").frames(chosen, 256).float()
    after = open_source(tmp_path / "b.mp4").frames(chosen, 256).float()
    assert float((before - after).mean(dim=(0, 1, 2)).abs().max()) < 2
    assert 10 * math.log10(255**2 / float(((before - after) ** 2).mean())) > 33


@pytest.mark.parametrize("wrong", [{"size": 8}, {"gop": 0}, {"crf": 52}, {"b_frames": 17}])
def test_impossible_settings_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(UserError, match=f"{name.upper()}="):
        Reencode(**wrong)


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real clips beside the project")
@pytest.mark.parametrize(
    "name",
    ["tc_nasa_13013_rotated.mp4", "tc_discard_first_keyframe.mp4", "tc_h265_video.mp4", "ucf.avi", "tc_av1_video.mkv"],
)
def test_real_clips_keep_their_frames_upright_in_number_and_time(tmp_path, name):
    reencode(REAL / name, tmp_path / "b.mp4", Reencode(size=96))
    before, after = open_source(REAL / name), open_source(tmp_path / "b.mp4")
    assert before.num_frames() == after.num_frames()
    np.testing.assert_allclose(before.times(), after.times(), atol=2e-5)
    chosen = list(range(0, before.num_frames(), 7))
    yours = after.frames(chosen).float()
    height, width = yours.shape[1:3]
    mine = before.frames(chosen, min(height, width)).float()[:, :height, :width]
    error = float(((mine - yours) ** 2).mean())
    assert 10 * math.log10(255**2 / error) > 22  # dB: a neighbouring frame, or a turned one, is far below
