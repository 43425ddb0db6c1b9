"""Files of features: read back, told apart, damaged ones named; a folder of one recipe; seconds and places."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from internvideo_pl.data.features.file import Timing, VideoFeatures, key_of, read_features, width_of, write_features
from internvideo_pl.data.features.folder import FeatureFolder
from internvideo_pl.data.features.grid import to_places, to_seconds
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError

RNG = np.random.default_rng(0)
FOUND = VideoFeatures(RNG.normal(size=(5, 7)), np.array([0.5, 1.0, 1.75, 2.0, 3.5]), 4.25)


@pytest.mark.parametrize("key", ["-a_b4567890", "video_test_0000004", "a/b c"])
def test_a_file_reads_back_in_half_precision_with_its_times(tmp_path, key):
    path = write_features(tmp_path, key, FOUND)
    read = read_features(str(path))
    assert read.features.dtype == np.float16
    np.testing.assert_array_equal(read.features, FOUND.features.astype(np.float16))
    np.testing.assert_array_equal(read.seconds, FOUND.seconds)
    assert read.duration == 4.25
    assert key_of(path.name) == key
    assert width_of(str(path)) == 7
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]  # no temporary file is left


def test_published_files_get_the_times_that_actionformer_computes(tmp_path):
    path = tmp_path / "v.npy"
    np.save(path, FOUND.features.astype(np.float32))
    with pytest.raises(DecodeError, match=r"no time stamps: set data\.fps"):
        read_features(str(path))
    read = read_features(str(path), Timing(frames=16, hop=4, fps=30.0))
    segment = np.array([0.4, 1.3])
    places = (segment * 30.0 - 0.5 * 16) / 4  # its loader's formula
    np.testing.assert_allclose(to_places(segment, read.seconds), places, atol=1e-12)
    assert width_of(str(path)) == 7


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"features": np.zeros((2, 3), np.float16), "seconds": np.array([1.0, 1.0])}, "times that do not rise"),
        ({"features": np.full((2, 3), np.nan, np.float16), "seconds": np.array([1.0, 2.0])}, "not finite"),
        ({"features": np.zeros((2, 3), np.float16), "seconds": np.array([1.0])}, "not \\(windows, width\\)"),
        ({"features": np.zeros((0, 3), np.float16), "seconds": np.zeros(0)}, "not \\(windows, width\\)"),
        ({"other": np.zeros(1)}, "is no file of features"),
    ],
)
def test_a_bad_file_is_named(tmp_path, tensors, reason):
    save_file(tensors, tmp_path / "v.safetensors")
    with pytest.raises(DecodeError, match=reason):
        read_features(str(tmp_path / "v.safetensors"))


def test_a_cut_file_is_named(tmp_path):
    path = write_features(tmp_path, "v", FOUND)
    path.write_bytes(path.read_bytes()[:40])
    for read in (read_features, width_of):
        with pytest.raises(DecodeError, match="is no file of features"):
            read(str(path))


def test_a_pickle_in_a_published_file_is_not_run(tmp_path):
    np.save(tmp_path / "v.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DecodeError, match="is no file of features"):
        read_features(str(tmp_path / "v.npy"), Timing(16, 16, 30.0))


def test_a_folder_takes_features_of_one_recipe(tmp_path):
    folder = FeatureFolder(tmp_path / "features")
    folder.begin({"hop": 4, "weights": "abc"})
    folder.begin({"weights": "abc", "hop": 4})
    with pytest.raises(UserError, match="another recipe: hop is 4 there and 16 now"):
        folder.begin({"hop": 16, "weights": "abc"})
    with pytest.raises(UserError, match="holds no features"):
        folder.paths()
    assert not folder.has("v")
    write_features(folder.folder, "v", FOUND)
    np.save(folder.folder / "v.npy", FOUND.features)
    np.save(folder.folder / "w.npy", FOUND.features)
    assert folder.has("v")
    assert {key: path.rpartition(".")[2] for key, path in folder.paths().items()} == {"v": "safetensors", "w": "npy"}
    assert folder.finish().is_file()


@pytest.mark.parametrize("seconds", [np.array([0.5, 1.0, 1.75, 2.0, 3.5]), np.array([0.5]), np.arange(9) / 3 + 0.1])
def test_places_and_seconds_are_each_others_inverse_also_beyond_the_ends(seconds):
    times = np.linspace(-2, 8, 41).reshape(-1, 1)
    np.testing.assert_allclose(to_seconds(to_places(times, seconds), seconds), times, atol=1e-12)
    np.testing.assert_allclose(to_places(seconds, seconds), np.arange(len(seconds)), atol=1e-12)
