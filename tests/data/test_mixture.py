"""A mixture end to end: weights to draws, parts that are missing, what is kept of it, images beside videos."""

from collections import Counter

import pytest

from internvideo_pl.config import load_experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.parts import MixtureConfig, PartConfig
from internvideo_pl.errors import UserError
from internvideo_pl.run.build import build_data, check_fit, data_root, readers_of
from internvideo_pl.run.mixture import mixture_table, write_mixture
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.render import to_markdown

YAML = """
data:
  name: mixture
  num_frames: 2
  sampling: segments
  size: 48
  short_side: 48
  crop: center
  batch_size: 4
  image_batch_size: 6
  num_workers: 0
  tested: webvid2m
  parts:
    howto100m: {weight: 1, mini_sizes: {videos: 10}, stride: 2, sampling: dense, options: {held_out: 5}}
    webvid2m: {weight: 3, mini_sizes: {train: 16, val: 4}}
    image_text: {weight: 1, images: true, mini_sizes: {pairs: 16, shard: 8}}
backbone: {name: multimodal, size: tiny, num_frames: 2}
objective: {name: align}
optimizer: {lr: 1e-3}
trainer: {max_epochs: 1}
"""


def experiment(folder, *overrides, mini=True):
    (folder / "m.yaml").write_text(YAML)
    return load_experiment("m", overrides, mini, schemas=SCHEMAS, root=folder)


def test_draws_follow_the_weights_and_images_come_beside_videos(tmp_path):
    data = build_data(experiment(tmp_path), FrameCache())
    names = [sample.key.partition("/")[0] for sample in data.split("train").samples]
    assert Counter(names) == {"howto100m": 16, "webvid2m": 16, "image_text": 8}
    loader, drawn = data.train_dataloader(), Counter()
    for epoch in range(4):
        loader.order.set_epoch(epoch)
        for batch in loader:
            assert batch.video.shape == (4, 2, 48, 48, 3)
            assert batch.images.video.shape == (6, 1, 48, 48, 3)
            assert len(batch.text) == 4
            assert len(batch.images.text) == 6
            assert {names[i] for i in batch.images.index} == {"image_text"}
            drawn.update(names[i] for i in batch.index)
    assert data.steps_per_epoch() == len(loader) == 8  # 32 videos, 4 a step
    assert drawn == {"howto100m": 32, "webvid2m": 96}  # a quarter and three quarters of 4 x 32


def test_an_epoch_is_as_long_as_it_is_said_to_be(tmp_path):
    data = build_data(experiment(tmp_path, "data.epoch_size=18"), FrameCache())
    loader = data.train_dataloader()
    assert data.steps_per_epoch() == len(loader) == len(list(loader)) == 4  # 16 videos; 32 are here
    rows = {row["part"]: row for row in data.manifest_rows()}
    assert [rows[name]["drawn_an_epoch"] for name in ("howto100m", "webvid2m", "image_text")] == [4, 12, 24]
    assert rows["webvid2m"]["times_an_epoch"] == 0.75
    drawn = set()
    for epoch in range(2):  # the walks go on where the epoch before ended
        loader.order.set_epoch(epoch)
        drawn |= {draw.index for draw in loader.order}
    assert drawn >= set(range(16, 32))  # all of WebVid's 16 within 24 draws


def test_texts_and_pictures_of_a_batch_belong_together(tmp_path):
    data = build_data(experiment(tmp_path), FrameCache())
    samples = data.split("train").samples
    batch = next(iter(data.train_dataloader()))
    for found in (batch, batch.images):
        assert all(text in samples[int(i)].texts for i, text in zip(found.index, found.text, strict=True))


def test_parts_have_their_own_sampling_and_options(tmp_path):
    read = {name: reader.data for name, reader in readers_of(experiment(tmp_path)).items()}
    assert (read["howto100m"].sampling, read["howto100m"].stride, read["howto100m"].held_out) == ("dense", 2, 5)
    assert (read["webvid2m"].sampling, read["webvid2m"].num_frames) == ("segments", 2)
    assert (read["image_text"].num_frames, read["image_text"].batch_size) == (1, 6)


def test_the_loader_goes_on_where_it_was(tmp_path):
    data = build_data(experiment(tmp_path), FrameCache())
    whole = [batch.index.tolist() + batch.images.index.tolist() for batch in data.train_dataloader()]
    loader = data.train_dataloader()
    steps = iter(loader)
    for _ in range(3):
        next(steps)
    place = loader.state_dict()
    again = data.train_dataloader()
    again.load_state_dict(place)
    assert [batch.index.tolist() + batch.images.index.tolist() for batch in again] == whole[2:]  # the one in hand again


def test_a_missing_part_is_an_error_that_names_it_unless_it_is_optional(tmp_path):
    where = f"paths.data={tmp_path / 'none'}"
    full = experiment(tmp_path, where, mini=False)
    with pytest.raises(UserError, match=r"data\.parts\.howto100m: HowTo100M was not found.*weight=0"):
        build_data(full, FrameCache()).split("train")
    mini = experiment(tmp_path, f"data.parts.howto100m.root={tmp_path / 'none'}", "data.parts.howto100m.optional=true")
    data = build_data(mini, FrameCache())
    assert {sample.key.partition("/")[0] for sample in data.split("train").samples} == {"webvid2m", "image_text"}
    assert "HowTo100M was not found" in data.left_out["howto100m"]


def test_what_was_drawn_from_is_written_and_read_back(tmp_path):
    data = build_data(experiment(tmp_path, "data.parts.howto100m.weight=0"), FrameCache())
    write_mixture(data, tmp_path)
    text = to_markdown(mixture_table(tmp_path))
    assert "howto100m is left out: its weight is 0" in text
    rows = {row["part"]: row for row in data.manifest_rows()}
    assert (rows["webvid2m"]["here"], rows["webvid2m"]["listed"], rows["webvid2m"]["share"]) == (16, 16, 1.0)
    assert rows["webvid2m"]["times_an_epoch"] == 1.0
    assert rows["image_text"]["times_an_epoch"] == 3.0  # 4 steps of 6 images, of 8
    assert mixture_table(tmp_path / "elsewhere") is None


def test_the_test_is_that_of_one_part(tmp_path):
    data = build_data(experiment(tmp_path), FrameCache())
    assert data.test_list == "val"
    assert data.protocol["dataset"] == "WebVid-2M"
    assert data.split("test").official == 4
    assert sum(len(batch) for batch in data.test_dataloader()) == 4


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.parts.webvid2m.weight=-1", "must not be negative"),
        ("data.tested=vebvid2m", "is no part that is drawn from.*webvid2m"),
        ("data.image_batch_size=0", "must be above 0 where a part has images"),
        ("data.epoch_size=3", "data.epoch_size=3 must be at least data.batch_size=4"),
        ("data.root=/somewhere", "data.root belongs to one part"),
        ("data.parts.webvid2m.dataset=webvid3m", "there is no dataset 'webvid3m'.*webvid2m"),
        ("data.parts.howto100m.options.captions=3", "no option 'captions'.*captions_a_video"),
    ],
)
def test_mistakes_are_named_before_any_work(tmp_path, override, message):
    with pytest.raises(UserError, match=message):
        data_root(experiment(tmp_path, override))


def test_a_mixture_has_no_classes_to_recognise(tmp_path):
    recognition = "~objective", "objective={name: supervised, head: {}}"
    wrong = experiment(tmp_path, *recognition, "~backbone", "backbone={name: masked_vit, size: tiny}")
    with pytest.raises(UserError, match="wants the classes of one dataset"):
        check_fit(wrong)


def test_videos_must_be_among_the_parts():
    images = {"a": PartConfig(weight=1, images=True)}
    with pytest.raises(UserError, match="names no videos"):
        MixtureConfig(name="mixture", num_frames=1, batch_size=1, image_batch_size=1, parts=images)
