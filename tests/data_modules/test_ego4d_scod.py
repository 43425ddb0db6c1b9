"""Ego4D's state-change object detection: the official lists, ids of images, where videos are, what is wrong by name."""

import json
from pathlib import Path

import pytest

from data_modules.ego4d_scod import Ego4dScod, Ego4dScodConfig
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError

FRAMES = {"pre_frame": 110, "pnr_frame": 120, "post_frame": 131}


def box(x: float, y: float, width: float, height: float, kind: str = "object_of_change") -> dict:
    sides = {"x": x, "y": y, "width": width, "height": height}
    return {"object_type": kind, "structured_noun": "cup", "instance_number": 1, "bbox": sides}


def entry(shift: int = 0, **moments: dict | None) -> dict:
    """An entry of "clips" in the official form; `moments` change its frames."""
    found: dict = {"clip_uid": "c", "video_uid": "v", "clip_parent_start_frame": 100, "clip_parent_end_frame": 140}
    for moment, frame in FRAMES.items():
        found[moment] = {"frame_number": frame + shift, "clip_frame_number": frame + shift - 100}
        found[moment] |= {"width": 100, "height": 50, "bbox": [box(10, 5, 20, 30), box(0, 0, 9, 9, "left_hand")]}
        found[moment] |= moments.pop(moment, None) or {}
    return found | moments


def put(root: Path, clips: object, split: str = "val", **head) -> Path:
    path = root / f"v1/annotations/fho_scod_{'test_unannotated' if split == 'test' else split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"split": split, "clips": clips} | head))
    return path


def put_images(root: Path, images: object, split: str = "val") -> Path:
    path = root / f"v1/coco_annotations/{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images}))
    return path


def touch(root: Path, path: str) -> str:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()
    return str(root / path)


def data(root: Path, **changes) -> Ego4dScod:
    base = {"num_frames": 3, "size": 48, "short_side": 48, "batch_size": 2}
    return Ego4dScod(Ego4dScodConfig(name="ego4d_scod", **base | changes), root)


IMAGES = [{"id": 7 + n, "file_name": f"v/{frame}.jpg"} for n, frame in enumerate(FRAMES.values())]


def test_the_objects_of_change_as_shares_and_numbers_of_images(tmp_path):
    put(tmp_path, [entry()])
    path = touch(tmp_path, "v1/clips/c.mp4")
    (sample,) = data(tmp_path).read("test").samples
    assert sample.key == "v_110_120_131"
    assert sample.path.startswith(path)
    assert sample.annotation["boxes"] == [[[0.1, 0.1, 0.3, 0.7]]] * 3  # the hand is not one
    assert sample.annotation["at"] == pytest.approx([10 / 30, 20 / 30, 31 / 30])
    assert (sample.annotation["images"], sample.annotation["size"]) == ([1, 2, 3], [[100, 50]] * 3)
    truth = data(tmp_path).official_changes()
    assert (truth.images, truth.image.tolist(), truth.known) == ([1, 2, 3], [1, 2, 3], True)
    assert truth.box.tolist() == [[10, 5, 20, 30]] * 3


@pytest.mark.parametrize("name", ["v/110.jpg", "pre_pnr_post_frames/v/0000110.jpeg"])
def test_images_have_the_ids_of_the_second_list(tmp_path, name):
    put(tmp_path, [entry()])
    put_images(tmp_path, [*IMAGES[1:], {"id": 99, "file_name": name}])
    assert data(tmp_path).official_changes().images == [99, 8, 9]


def test_whole_videos_stand_in_for_clips_and_what_is_nowhere_is_missing(tmp_path):
    put(tmp_path, [entry()])
    assert data(tmp_path).read("test").missing == ["v_110_120_131"]
    touch(tmp_path, "v1/full_scale/v.mp4")
    (sample,) = data(tmp_path).read("test").samples
    assert sample.annotation["at"] == pytest.approx([110 / 30, 120 / 30, 131 / 30])


def test_the_test_list_has_no_boxes(tmp_path):
    put(tmp_path, [entry(**{moment: {"bbox": None} for moment in FRAMES})], "test")
    touch(tmp_path, "v1/clips/c.mp4")
    found = data(tmp_path, test_on="test")
    truth = found.official_changes()
    assert (truth.known, truth.images, truth.official_ids) == (False, [1, 2, 3], False)
    put_images(tmp_path, IMAGES, "test")
    assert data(tmp_path, test_on="test").official_changes().official_ids
    assert found.read("test").samples[0].annotation["boxes"] == [[], [], []]


def test_a_frame_of_two_entries_is_one_image_with_its_boxes_once(tmp_path):
    shared = {"frame_number": 131, "bbox": [box(10, 5, 20, 30), box(50, 5, 20, 30)]}
    put(tmp_path, [entry(), entry(60, pre_frame=shared)])
    later = [{"id": 20, "file_name": "v/180.jpg"}, {"id": 21, "file_name": "v/191.jpg"}]
    put_images(tmp_path, [*IMAGES, *later])
    truth = data(tmp_path).official_changes()
    assert truth.images == [7, 8, 9, 20, 21]
    assert truth.box[truth.image == 9].tolist() == [[10, 5, 20, 30], [50, 5, 20, 30]]


@pytest.mark.parametrize(
    ("clips", "sentence"),
    [
        (5, "clips, is no list"),
        ([3], r"clips\[0\], is no object"),
        ([{}], r"clips\[0\], has no 'pre_frame'"),
        ([entry(), entry(pnr_frame={"frame_number": None})], r"clips\[1\].pnr_frame, has no 'frame_number'"),
        ([entry(pre_frame={"frame_number": 1.5})], r"pre_frame.frame_number, is 1.5, not a whole number"),
        ([entry(pre_frame={"frame_number": -1})], r"pre_frame.frame_number, is -1, not a whole number"),
        ([entry(pre_frame={"width": 0})], r"clips\[0\].pre_frame, is 0 x 50 pixels"),
        ([entry(post_frame={"bbox": {}})], r"post_frame.bbox, is no list"),
        (
            [entry(post_frame={"bbox": [box(90, 5, 20, 30)]})],
            r"bbox, is \[90.0, 5.0, 20.0, 30.0\], not within",
        ),
        ([entry(post_frame={"bbox": [box(9, 5, 0, 30)]})], r"post_frame.bbox\[0\].bbox, is .* not within a frame"),
        ([entry(post_frame={"bbox": [box(9, "5", 1, 30)]})], r"bbox\[0\].bbox.y, is '5', not a number"),
        ([entry(post_frame={"bbox": [box(9, float("nan"), 1, 3)]})], r"bbox\[0\].bbox.y, is nan, not a number"),
        ([entry(post_frame={"bbox": [{"bbox": {}}]})], r"post_frame.bbox\[0\], has no 'object_type'"),
        ([entry(), entry()], r"clips\[1\], repeats v_110_120_131 of clips\[0\]"),
        ([entry(clip_uid="../c")], r"clips\[0\].clip_uid, is '../c', not the name of a file"),
        ([entry(video_uid="/v")], r"clips\[0\].video_uid, is '/v', not the name of a file"),
    ],
)
def test_a_bad_entry_is_named_by_file_and_place(tmp_path, clips, sentence):
    path = put(tmp_path, clips)
    touch(tmp_path, "v1/clips/c.mp4")
    with pytest.raises(UserError, match=sentence) as error:
        data(tmp_path).read("test")
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("images", "file", "sentence"),
    [
        (IMAGES[:2], "fho_scod", r"clips\[0\], has frame v/131, which coco_annotations does not list"),
        ([*IMAGES, {"id": 7, "file_name": "v/5.jpg"}], "coco", r"images\[3\].id, is 7, as that of images\[0\]"),
        ([*IMAGES, {"id": 5, "file_name": "w/v/0110.jpg"}], "coco", r"images\[3\].file_name, is v/110, as that of"),
        ([{"id": 5, "file_name": "v/first.jpg"}], "coco", r"images\[0\].file_name, is 'v/first.jpg', not <video_uid>/"),
        ([{"id": 5, "file_name": "110.jpg"}], "coco", r"images\[0\].file_name, is '110.jpg', not <video_uid>/"),
        ([{"id": "5", "file_name": "v/110.jpg"}], "coco", r"images\[0\].id, is '5', not a number"),
        ([{"file_name": "v/110.jpg"}], "coco", r"images\[0\], has no 'id'"),
        (None, "coco", r"val.json has no 'images'"),
    ],
)
def test_ids_of_images_that_cannot_be(tmp_path, images, file, sentence):
    put(tmp_path, [entry()])
    put_images(tmp_path, images)
    with pytest.raises(UserError, match=sentence) as error:
        data(tmp_path).official_changes()
    assert file in str(error.value)


def test_a_bad_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"fho_scod_val\.json is not in"):
        data(tmp_path).read("test")
    path = put(tmp_path, [], split="val")
    for content, sentence in (
        (b"{", "is no JSON"),
        (b"[" * 200_000, "is no JSON"),
        (b'{"clips": "\xff"}', "is no JSON"),
        (b"[]", "is no object"),
        (b"{}", "has no 'clips'"),
        (b'{"split": "train", "clips": []}', "split, is 'train' where 'val'"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=sentence) as error:
            data(tmp_path).read("test")
        assert str(path) in str(error.value)


@pytest.mark.parametrize("changes", [{"num_frames": 4}, {"test_views": 2}, {"test_crops": 3}])
def test_a_change_has_three_frames_in_one_view(tmp_path, changes):
    with pytest.raises(UserError, match=r"data\.num_frames=3"):
        data(tmp_path, **changes)


def test_the_miniature_is_read(tmp_path):
    root = make_mini("ego4d_scod", tmp_path, train=2, val=2, test=1, workers=1)
    found = data(root)
    (clip,) = found.evaluation_clips(found.split("test").samples)[0]
    assert clip.video.shape == (3, 48, 48, 3)
    for sample in found.split("train").samples:
        assert all(0 <= side <= 1 for boxes in sample.annotation["boxes"] for one in boxes for side in one)
    assert not data(root, test_on="test").official_changes().known
