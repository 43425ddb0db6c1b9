"""AVA's and AVA-Kinetics' lists as they are published, their miniatures, and rows that cannot be right."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from data_modules.ava import Ava, find_movies
from data_modules.ava_kinetics import AvaKinetics, AvaKineticsConfig
from data_modules.ava_lists import BadRows, key_of, read_actions, read_detections, read_excluded, read_key_frames
from internvideo_pl.data.keyframes import KeyframeConfig
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError
from internvideo_pl.metrics.boxes import FrameDetection, TrueBoxes

REAL = Path(__file__).parents[3] / "shared" / "data" / "action"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real excerpts are not on this machine")


def put(path: Path, *lines: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return path


# --- rows ---------------------------------------------------------------------------------------------------------

GOOD = "abc_DEF-123,0902,0.100,0.200,0.500,0.900,12,0"


def test_a_box_with_several_actions_is_one_box(tmp_path) -> None:
    rows = [GOOD, GOOD.replace(",12,0", ",79,0"), GOOD.replace(",12,0", ",12,1"), GOOD.replace("0902", "0903")]
    path = put(tmp_path / "list.csv", *rows, "abc_DEF-123,0904")
    frame, other, empty = read_key_frames(path, (2, 8), BadRows()).values()
    assert (frame.boxes, frame.actions, frame.people) == ([[0.1, 0.2, 0.5, 0.9]] * 2, [[12, 79], [12]], [0, 1])
    assert (other.time, empty.time, empty.boxes) == (903.0, 904.0, [])


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("abc,0902,0.1,0.2,0.5,0.9,12", "7 columns instead of 2 or 8"),
        ("abc,0902,0.1,0.2,1.5,0.9,12,0", "box 0.1,0.2,1.5,0.9 is not x1 < x2"),
        ("abc,0902,0.6,0.2,0.5,0.9,12,0", "is not x1 < x2"),
        ("abc,0902,0.1,0.2,nan,0.9,12,0", "box 'nan' is not a number"),
        ("abc,0902,0.1,0.2,0.5,0.9,81,0", "action '81' is unknown"),
        ("abc,0902,0.1,0.2,0.5,0.9,walk,0", "action 'walk' is unknown"),
        ("abc,0902,0.1,0.2,0.5,0.9,12,x", "person 'x' is not a number"),
        ("abc,0901,0.1,0.2,0.5,0.9,12,0", "no key frame at '0901'"),
        ("abc,soon,0.1,0.2,0.5,0.9,12,0", "timestamp 'soon' is not a number"),
        (GOOD, "listed before"),
        (b"ab\xff\xfe,0902,0.1,0.2,0.5,0.9,12,0", "is not UTF-8"),
    ],
)
def test_bad_rows_are_named_by_file_and_line(tmp_path, row, complaint) -> None:
    path = put(tmp_path / "list.csv", GOOD, row)
    with pytest.raises(UserError) as error:
        read_key_frames(path, (2, 8), BadRows(), range(902, 1799))
    assert str(error.value).startswith(f"{path}, line 2")
    assert complaint in str(error.value)
    kept = BadRows(skip=True)
    (frame,) = read_key_frames(path, (2, 8), kept, range(902, 1799)).values()
    assert frame.actions == [[12]]
    assert [fault.path for fault in kept.faults] == [f"{path}, line 2"]


def test_keys_have_six_decimals() -> None:
    assert key_of("a", 5.016949) != key_of("a", 5.0)
    assert key_of("a", 5.016949) == key_of("a", 5.0169494)


def test_detections_of_both_kinds_of_file(tmp_path) -> None:
    rows = ["abc,0902,0.1,0.2,0.5,0.9,,0.95", "abc,0902,-0.004,0.2,1.003,0.9,,0.99", "abc,0902,0.1,0.2,0.5,0.9,,0.79"]
    found = read_detections(put(tmp_path / "boxes.csv", *rows), 0.8)
    assert found == {("abc", 902_000_000): [([0.0, 0.2, 1.0, 0.9], 0.99), ([0.1, 0.2, 0.5, 0.9], 0.95)]}
    images = [{"id": 7, "movie": "abc", "timestamp": 902, "width": 200, "height": 100}]
    put(tmp_path / "ava_val_v2.2_min.json", json.dumps({"images": images, "annotations": []}))
    result = [
        {"image_id": 7, "bbox": [20, 20, 80, 70], "score": 0.95},
        {"image_id": 7, "bbox": [0, 0, 1, 1], "score": 0.1},
    ]
    ((key, ((box, score),)),) = read_detections(put(tmp_path / "boxes.json", json.dumps(result)), 0.8).items()
    assert (key, score) == (("abc", 902_000_000), 0.95)
    assert box == pytest.approx([0.1, 0.2, 0.5, 0.9])


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("boxes.csv", "abc,0902,0.1,0.2,0.5,0.9,0.95", "line 1: 7 columns"),
        ("boxes.csv", "abc,0902,10,20,50,90,,0.95", "line 1: score 0.95 or box"),
        ("boxes.csv", "abc,0902,0.1,0.2,0.5,0.9,,1.95", "line 1: score 1.95"),
        ("boxes.pkl", "", "may run code"),
        ("boxes.json", "[{}", "cannot be read as JSON"),
        ("boxes.json", '[{"image_id": 7, "bbox": [0, 0, 1, 1], "score": 1}]', "put the \\*_min.json list"),
    ],
)
def test_files_of_detections_that_cannot_be_used(tmp_path, name, content, complaint) -> None:
    with pytest.raises(UserError, match=complaint):
        read_detections(put(tmp_path / name, content), 0.8)


def test_an_action_list_with_mistakes(tmp_path) -> None:
    with pytest.raises(UserError, match="line 3: id 81"):
        read_actions(put(tmp_path / "a.pbtxt", "item {", '  name: "run"', "  id: 81", "}"))
    with pytest.raises(UserError, match="is not an action list"):
        read_actions(put(tmp_path / "b.pbtxt", "run", "jump"))
    assert read_actions(put(tmp_path / "c.pbtxt", "item {", '  name: "run"', "  label_id: 5", "}")) == {5: "run"}


# --- real rows ----------------------------------------------------------------------------------------------------


@real
def test_real_lists_parse() -> None:
    frames = read_key_frames(REAL / "ava" / "ava_val_v2.2.head.csv", (2, 8), BadRows(), range(902, 1799))
    assert sum(len(actions) for frame in frames.values() for actions in frame.actions) == 41
    first = frames["1j20qq1JyX4", 902_000_000]
    assert first.boxes == [[0.002, 0.118, 0.714, 0.977], [0.444, 0.054, 0.992, 0.990]]
    assert (first.actions, first.people) == ([[12, 79], [12, 17, 79]], [1, 0])
    scored = read_actions(REAL / "ava" / "ava_action_list_v2.1_for_activitynet_2018.pbtxt.txt")
    assert len(scored) == 60
    assert list(scored)[:10] == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert scored[1] == "bend/bow (at the waist)"
    assert max(scored) == 80
    excluded = read_excluded(REAL / "ava" / "mmaction2_test_ava_excluded_timestamps_sample.csv")
    assert excluded == {("0f39OWEqJ24", 903_000_000), ("_-Z6wFjXtGQ", 902_000_000)}


@real
def test_real_rows_of_kinetics_parse() -> None:
    frames = read_key_frames(REAL / "ava_kinetics" / "kinetics_val_v1.0.head.csv", (2, 7), BadRows())
    assert frames["00_77WAvZ_o", 17_000_000].actions == [[12, 17]]
    empty = frames["00g-inkLork", 5_016_949]
    assert (empty.boxes, empty.time) == ([], 5.016949)
    assert sum(max(sum(map(len, frame.actions)), 1) for frame in frames.values()) == 51


@real
def test_the_metric_on_real_result_files_is_that_of_mmaction2s_test() -> None:
    folder = REAL / "ava"
    frames = read_key_frames(folder / "mmaction2_test_eval_gt.csv", (8,), BadRows())
    number = {key: i for i, key in enumerate(frames)}
    rows = [
        (number[k], b, a) for k, f in frames.items() for b, acts in zip(f.boxes, f.actions, strict=True) for a in acts
    ]
    truth = TrueBoxes(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        3,
        tuple(read_actions(folder / "mmaction2_test_eval_action_list.txt")),
    )
    metric = FrameDetection(truth)
    results: dict[int, list[list[float]]] = {i: [] for i in range(3)}
    for line in (folder / "mmaction2_test_eval_pred.csv").read_text().split():
        video, time, *values = line.split(",")
        results[number[key_of(video, float(time))]].append([float(value) for value in values])
    for frame, found in results.items():
        values = torch.tensor(found, dtype=torch.float64)
        metric.update(np.array([frame]), np.array([len(found)]), values[:, :4], values[:, 5], values[:, 4].long())
    assert metric.compute()["mAP@0.5"] == pytest.approx(9.385522, abs=1e-6)  # 0.09385522 in mmaction2's own test


# --- miniatures ---------------------------------------------------------------------------------------------------


def config(kind=KeyframeConfig, **changes):
    base = {"batch_size": 4, "num_frames": 8, "stride": 1, "frame_rate": 8, "size": 48, "short_side": 64}
    return kind(**base | {"crop": "squeeze"} | changes)


def listed(mini: Path) -> int:
    """Key frames of the miniature's validation films in which something is seen, less the excluded one."""
    rows = (mini / "annotations" / "ava_val_v2.2.csv").read_text().split()
    return len({tuple(row.split(",")[:2]) for row in rows}) - 1


@pytest.fixture(scope="module")
def mini(tmp_path_factory) -> Path:
    return make_mini(
        "ava_kinetics", tmp_path_factory.mktemp("mini"), workers=1, train=4, val=13, clips=10, val_clips=10
    )


def test_films_of_the_miniature(mini) -> None:
    data = Ava(config(name="ava"), mini)
    train, val = data.split("train"), data.split("test")
    assert (train.missing, val.missing) == ([], [])
    assert len(val.samples) == listed(mini) == data.official_boxes().num_frames
    assert [sample.annotation["frame"] for sample in val.samples] == list(range(listed(mini)))
    assert len(data.classes) == 80
    assert len(data.scored) == 78
    assert all(len(sample.annotation["boxes"]) == len(sample.annotation["scores"]) for sample in val.samples)
    assert min(score for sample in val.samples for score in sample.annotation["scores"]) >= 0.8
    truth = data.official_boxes()
    assert set(truth.label) <= set(range(1, 81))
    clips = data.training_clips(0)
    (clip,) = clips[Draw(0, 0)]
    assert clip.video.shape == (8, 48, 48, 3)
    assert all(0 <= side <= 1 for box in clip.annotation["boxes"] for side in box)


def test_both_parts_of_the_miniature(mini) -> None:
    data = AvaKinetics(config(AvaKineticsConfig, name="ava_kinetics"), mini)
    val, parts = data.split("test"), data.parts()
    films = listed(mini)
    assert len(val.samples) == films + 10
    assert (len(parts["ava"]), len(parts["kinetics"])) == (films, 10)
    truth = data.official_boxes()
    assert truth.num_frames == films + 10
    assert films + 9 not in truth.frame  # the last of ten clips shows nothing
    assert len(data.split("train").samples) == 4 * 3 + 9  # an empty key frame teaches nothing
    only = AvaKinetics(config(AvaKineticsConfig, name="ava_kinetics", test_part="kinetics"), mini)
    assert len(only.split("test").samples) == 10
    assert only.parts() == {}


def test_missing_films_and_clips_are_counted_by_key_frame(mini, tmp_path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(mini, copy)
    film = (copy / "annotations" / "ava_val_v2.2.csv").read_text().split(",")[0]
    (copy / "videos_15min" / f"{film}.mp4").unlink()
    clip = next((copy / "kinetics700" / "val").iterdir())
    clip.unlink()
    data = AvaKinetics(config(AvaKineticsConfig, name="ava_kinetics"), copy)
    val = data.split("test")
    assert len(val.missing) == 3 + 1
    assert val.official == listed(mini) + 10
    assert {name.split(",")[0] for name in val.missing} == {film, clip.stem.rsplit("_", 2)[0]}


def test_detections_can_be_learned_from(mini) -> None:
    rows = (mini / "annotations" / "ava_train_v2.2.csv").read_text().splitlines()
    video, time, *box = rows[0].split(",")[:6]
    near = ",".join([video, time, *box, "", "0.93"])
    far = ",".join([video, time, "0.0", "0.0", "0.01", "0.01", "", "0.93"])
    path = mini.parent / "train_boxes.csv"
    path.write_text(f"{near}\n{far}\n")
    plain = Ava(config(name="ava"), mini).split("train").samples[0].annotation
    more = Ava(config(name="ava", train_detections=path), mini).split("train").samples[0].annotation
    assert len(more["boxes"]) == len(plain["boxes"]) + 1
    assert (more["boxes"][-1], more["actions"][-1]) == (plain["boxes"][0], plain["actions"][0])


def test_where_films_may_be(tmp_path) -> None:
    put(tmp_path / "videos" / "a.mkv")
    put(tmp_path / "videos_15min" / "b.mp4")
    put(tmp_path / "videos_15min" / "a.mp4")  # the whole film comes first
    put(tmp_path / "frames" / "c" / "c_000001.jpg")
    found = find_movies(tmp_path)
    assert {name: (path.name, start, rate) for name, (path, start, rate) in found.items()} == {
        "a": ("a.mkv", 0.0, None),
        "b": ("b.mp4", 900.0, None),
        "c": ("c", 900.0, 30.0),
    }


def test_what_is_not_there_names_source_and_layout(tmp_path) -> None:
    with pytest.raises(UserError, match=r"ava_val_v2.2.csv is not in .*research.google.com/ava.*MINI=1"):
        Ava(config(name="ava"), tmp_path).split("test")
