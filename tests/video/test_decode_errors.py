"""What cannot be read: frames that are not there, files that are no videos, are cut short or damaged."""

import av
import numpy as np
import pytest

from internvideo_pl.video.decode import (
    DecodeError,
    check,
    num_frames,
    probe,
    read_frames,
    read_timestamps,
)

X264 = "libx264"


def test_numbers_outside_are_refused(write_clip):
    path = write_clip("a.mp4", frames=10)
    for wrong in ([10], [-1], []):
        with pytest.raises(IndexError, match="frames 0 to 9"):
            read_frames(path, wrong)


def test_no_video_is_said_so(tmp_path):
    empty, text, sound = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "sound.mp4"
    empty.touch()
    text.write_text("not a video at all\n" * 50)
    with av.open(str(sound), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        silence.sample_rate = 16000
        file.mux([*stream.encode(silence), *stream.encode(None)])
    reasons = {
        tmp_path / "none.mp4": "no such file",
        tmp_path: "is a folder",
        empty: "is empty",
        text: "cannot be opened",
        sound: "no video stream",
    }
    for path, reason in reasons.items():
        for read in (probe, num_frames, check, lambda p: read_frames(p, [0]), lambda p: read_timestamps(p, [0.0])):
            with pytest.raises(DecodeError, match=reason) as caught:
                read(path)
            assert caught.value.path == str(path)
            assert "\n" not in caught.value.reason


def test_a_file_without_frames_is_said_so(tmp_path):
    path = tmp_path / "head_only.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(X264, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        file.start_encoding()
    with pytest.raises(DecodeError, match=r"shows no frame|cannot be"):
        num_frames(path)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_file_cut_short_is_said_so(share, write_clip):
    path = write_clip("a.mp4", frames=40, container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DecodeError, match="cut short"):
        num_frames(path)


def test_damage_inside_is_said_so_or_does_no_harm(write_clip, decode_all):
    """With bytes of the coded pictures overwritten, a read raises or gives what a decode from first to last gives."""
    path = write_clip("a.mp4", frames=40, options={"g": "10", "bf": "2"})
    whole = path.read_bytes()
    start, end = whole.index(b"mdat") + 1000, whole.index(b"moov")  # after the encoder's own description of itself
    raised = unharmed = 0
    for seed in range(16):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        place = int(rng.integers(start, end - 100))
        damaged[place : place + 40] = rng.bytes(40)
        path.write_bytes(damaged)
        try:
            expected, _ = decode_all(path)
        except av.FFmpegError:
            with pytest.raises(DecodeError):
                read_frames(path, range(40))
            raised += 1
            continue
        for indices in (list(range(40)), list(range(0, 40, 3)), [13], [37]):
            try:
                frames = read_frames(path, indices)
            except DecodeError as error:
                raised += "damaged" in error.reason
            else:
                np.testing.assert_array_equal(frames.numpy(), expected[indices])
                unharmed += 1
    assert raised
    assert unharmed


def test_the_error_survives_pickling():
    import pickle

    error = pickle.loads(pickle.dumps(DecodeError("a/b.mp4", "is cut\nshort")))
    assert (error.path, error.reason, str(error)) == ("a/b.mp4", "is cut short", "a/b.mp4: is cut short")
