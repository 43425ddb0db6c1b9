import pytest

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
from tests.data.clips import write_video

FACTS = DatasetFacts("Toy", "recognition", {}, "https://example.org", "none", "none", "<root>/*.mp4", num_classes=2)


class Toy(VideoData):
    facts = FACTS
    names = ("walking", "moving left")

    @property
    def classes(self):
        return list(self.names)

    def read(self, split):
        paths = sorted(self.root.glob("*.mp4"))
        return Split([Sample(path, path.name, i % 2) for i, path in enumerate(paths)], missing=["gone"])


def data(root, **changes):
    values = {"num_frames": 2, "stride": 1, "size": 32, "short_side": 48, "batch_size": 2, "num_workers": 0}
    return Toy(ClipConfig(name="toy", **(values | changes)), root)


@pytest.fixture
def root(tmp_path):
    for i in range(3):
        write_video(tmp_path / f"{i}.mp4", frames=6)
    return tmp_path


def test_training_drops_the_uneven_tail_and_evaluation_keeps_it(root):
    toy = data(root)
    assert [len(batch) for batch in toy.train_dataloader()] == [2]
    assert toy.steps_per_epoch() == 1
    batches = list(toy.test_dataloader())
    assert [len(batch) for batch in batches] == [2, 1]
    assert [i for batch in batches for i in batch.index.tolist()] == [0, 1, 2]


def test_a_list_shorter_than_a_batch_is_walked_several_times(root):
    toy = data(root, batch_size=8)
    assert toy.repeats == 3
    assert [len(batch) for batch in toy.train_dataloader()] == [8]
    assert toy.steps_per_epoch() == 1


def test_clips_are_not_mirrored_where_a_class_names_a_side(root):
    toy = data(root, flip=True, crop="random_resized")
    assert toy.train_dataloader().dataset.transform.flip == 0
    toy.names = ("walking", "bleaching hair")
    assert toy.train_dataloader().dataset.transform.flip == 0.5


def test_a_split_with_no_video_names_the_layout(tmp_path):
    with pytest.raises(
        UserError, match=r"none of the 1 videos of Toy's train split .* expected layout: <root>/\*\.mp4"
    ):
        data(tmp_path).split("train")


def test_the_official_size_counts_what_is_missing(root):
    assert data(root).split("test").official == 4
