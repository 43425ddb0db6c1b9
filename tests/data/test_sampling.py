"""The words of a config beside the functions that they stand for."""

from typing import get_args, get_type_hints

import numpy as np
import pytest

from internvideo_pl.data.sampling import PADDING, TEST_SAMPLING, TRAIN_SAMPLING, Footage, SamplingConfig
from internvideo_pl.video import sample

FOOTAGE = Footage(200, lambda: np.arange(200) / 25)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_every_word_has_its_functions():
    words = set(get_args(get_type_hints(SamplingConfig)["sampling"]))
    assert set(TEST_SAMPLING) == words
    assert set(TRAIN_SAMPLING) == words - {"windows"}


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("dense", sample.dense_train(200, 16, 4, rng())),
        ("pretrain", sample.dense_pretrain(200, 16, 4, rng())),
        ("segments", sample.segments_train(200, 16, rng())),
        ("intervals", sample.intervals_train(200, 16, rng())),
        ("per_second", np.array([*range(0, 200, 25), *[PADDING] * 8])),
    ],
)
def test_training(word, wanted):
    config = SamplingConfig(num_frames=16, sampling=word)
    assert TRAIN_SAMPLING[word](config, FOOTAGE, rng()).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("word", "views", "wanted"),
    [
        ("dense", 5, sample.dense_views(200, 16, 4, 5)),
        ("pretrain", 1, sample.dense_views(200, 16, 4, 1)),
        ("segments", 1, sample.segments_center(200, 16)[None]),
        ("segments", 2, sample.sparse_views(200, 16, 2)),
        ("intervals", 4, sample.intervals_views(200, 16, 4)),
        ("per_second", 1, np.array([[*range(0, 200, 25), *[PADDING] * 8]])),
        ("windows", 1, sample.sliding_windows(200, 16, 8, 4)),
    ],
)
def test_testing(word, views, wanted):
    config = SamplingConfig(num_frames=16, sampling=word, test_views=views, hop=8)
    assert TEST_SAMPLING[word](config, FOOTAGE).tolist() == wanted.tolist()


def test_times_are_asked_only_where_they_matter():
    def never():
        raise AssertionError("asked")

    for word in set(TEST_SAMPLING) - {"per_second"}:
        TEST_SAMPLING[word](SamplingConfig(num_frames=4, sampling=word), Footage(50, never))


def test_what_a_table_must_know():
    said = {word: SamplingConfig(num_frames=8, sampling=word).sampling_protocol for word in TEST_SAMPLING}
    assert said == {
        "dense": "dense, stride 4",
        "pretrain": "dense, stride 4",
        "segments": "segments",
        "intervals": "intervals",
        "per_second": "1 a second",
        "windows": "windows, stride 4, hop 16",
    }
