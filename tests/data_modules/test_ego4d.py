"""What every reader of Ego4D's official lists refuses: damaged files, values of a wrong kind, ids that are paths."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_modules.ego4d import Footage
from data_modules.ego4d_fhp import read_fhp
from data_modules.ego4d_mq import read_moments
from data_modules.ego4d_nlq import read_clips
from data_modules.ego4d_scod import Ego4dScod, Ego4dScodConfig
from data_modules.ego4d_sta import FACTS, Ego4dSta, Ego4dStaConfig
from internvideo_pl.errors import UserError

CLIP = {"clip_uid": "c", "video_start_sec": 0.0, "video_end_sec": 9.0}
QUERY = {"query": "where is it?", "clip_start_sec": 1.0, "clip_end_sec": 2.0}
LABEL = {"label": "wash", "primary": True, "start_time": 1.0, "end_time": 2.0}
OBJECT = {"box": [1, 2, 30, 40], "noun_category_id": 0, "verb_category_id": 0, "time_to_contact": 0.5}
FRAME = {"frame_number": 1, "clip_frame_number": 1, "width": 64, "height": 64, "bbox": []}


def nlq(**ids: str) -> dict:
    said = [{"annotation_uid": "a", "language_queries": [QUERY]} | _own(ids, "annotation_uid")]
    return _videos(CLIP | {"annotations": said} | _own(ids, "clip_uid"), ids)


def mq(**ids: str) -> dict:
    return _videos(CLIP | {"annotations": [{"labels": [LABEL]}]} | _own(ids, "clip_uid"), ids)


def fhp(**ids: str) -> dict:
    frames = {name: {"frame": 90, "clip_frame": 90} for name in ("pre_45", "pre_30", "pre_15")}
    return {"clips": [{"clip_id": 7, "clip_uid": "c", "video_uid": "v", "frames": [frames]} | ids]}


def scod(**ids: str) -> dict:
    moments = dict.fromkeys(("pre_frame", "pnr_frame", "post_frame"), FRAME)
    return {"clips": [{"clip_uid": "c", "video_uid": "v", **moments} | ids]}


def sta(**ids: str) -> dict:
    entry = {"uid": "u", "video_uid": "v", "frame": 3, "clip_uid": "c", "clip_frame": 3, "objects": [OBJECT]} | ids
    sizes = {"frame_width": 64, "frame_height": 64, "fps": 30}
    named = [{"id": 0, "name": "cup"}]
    return {
        "info": {"video_metadata": {entry["video_uid"]: sizes}},
        "noun_categories": named,
        "verb_categories": named,
        "annotations": [entry],
    }


def _videos(clip: dict, ids: dict[str, str]) -> dict:
    return {"videos": [{"video_uid": "v", "clips": [clip]} | _own(ids, "video_uid")]}


def _own(ids: dict[str, str], *keys: str) -> dict[str, str]:
    return {key: ids[key] for key in keys if key in ids}


def _read_sta(root: Path) -> Any:
    (root / "v1/annotations/object_detections.json").write_text("{}")
    found = Ego4dSta(Ego4dStaConfig(name="ego4d_sta", num_frames=8, size=48, short_side=48, batch_size=2), root)
    return found.read("val"), found.official_objects()


def _read_scod(root: Path) -> Any:
    config = Ego4dScodConfig(name="ego4d_scod", num_frames=3, size=48, short_side=48, batch_size=2)
    return Ego4dScod(config, root).read("val")


READERS: dict[str, tuple[Callable[..., dict], Callable[[Path], Any], tuple[str, ...]]] = {
    "nlq": (nlq, lambda root: list(read_clips(root, "val")), ("clip_uid", "video_uid", "annotation_uid")),
    "moments": (mq, lambda root: list(read_moments(root, "val")), ("clip_uid", "video_uid")),
    "fho_hands": (fhp, lambda root: read_fhp(root, "val", Footage(root)), ("clip_uid", "video_uid", "clip_id")),
    "fho_scod": (scod, _read_scod, ("clip_uid", "video_uid")),
    "fho_sta": (sta, _read_sta, ("clip_uid", "video_uid")),
}
ESCAPES = ("../../secret", "/etc/secret", "..", "a\\b", "a\0b", "a#t=1")


def put(root: Path, stem: str, content: bytes) -> Path:
    for split in ("train", "val"):
        path = root / f"v1/annotations/{stem}_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def refused(root: Path, stem: str, content: bytes) -> str:
    path = put(root, stem, content)
    with pytest.raises(UserError) as error:
        READERS[stem][1](root)
    sentence = str(error.value)
    assert str(path.parent / stem) in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("stem", READERS)
def test_a_sound_list_is_read(tmp_path, stem):
    make, read, _ = READERS[stem]
    put(tmp_path, stem, json.dumps(make()).encode())
    assert read(tmp_path)


@pytest.mark.parametrize("stem", READERS)
def test_damaged_files_are_named(tmp_path, stem):
    whole = json.dumps(READERS[stem][0]()).encode()
    for content, words in (
        (whole[: len(whole) // 2], "is no JSON"),
        (whole.replace(b'"c"', b'"\xff\xfe"'), "is no JSON"),
        (b"[" * 200_000, "is no JSON"),
        (b"", "is no JSON"),
        (b"[]", "is no object"),
        (b"{}", "has no "),
    ):
        assert words in refused(tmp_path, stem, content)


@pytest.mark.parametrize("stem", READERS)
def test_every_value_may_be_of_another_kind(tmp_path, stem):
    """Whatever one value is replaced by, the list is read, or refused in one sentence that names the file."""
    make, read, _ = READERS[stem]
    for place in range(_count(make())):
        for wrong in (None, 5, "x", [], {}, True, float("inf"), float("nan"), 10**400):
            content = json.loads(json.dumps(make()))
            _replace(content, place, wrong)
            path = put(tmp_path, stem, json.dumps(content).encode())
            told = _told(read, tmp_path)
            assert told == "" or str(path.parent / stem) in told
            assert "\n" not in told


def _told(read: Callable[[Path], Any], root: Path) -> str:
    """What a reader says of a list; nothing of one that it takes."""
    try:
        read(root)
    except UserError as error:
        return str(error)
    return ""


def _walk(value: Any):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _walk(inner)


def _count(content: dict) -> int:
    return sum(1 for _ in _walk(content))


def _replace(content: dict, place: int, wrong: Any) -> None:
    owner, key = list(_walk(content))[place]
    owner[key] = wrong


@pytest.mark.parametrize(("stem", "key"), [(stem, key) for stem, (*_, keys) in READERS.items() for key in keys])
def test_an_id_never_leads_out_of_its_folder(tmp_path, stem, key):
    (tmp_path / "v1/clips").mkdir(parents=True)
    (tmp_path / "secret.mp4").touch()
    for uid in ESCAPES:
        sentence = refused(tmp_path, stem, json.dumps(READERS[stem][0](**{key: uid})).encode())
        assert f"{key}, is {uid!r}, not the name of a file" in sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is no JSON"),
        (b"[]", "is no object"),
        (b'{"u": 5}', "u, is no list"),
        (b'{"u": [5]}', r"u[0], is no object"),
        (b'{"u": [{"box": [1, 2, 3], "noun_category_id": 0, "score": 1}]}', "u[0].box, is [1, 2, 3], not x1, y1, x2"),
        (b'{"u": [{"box": [1, 2, 3, NaN], "noun_category_id": 0, "score": 1}]}', "u[0].box, is [1, 2, 3, nan]"),
        (b'{"u": [{"box": [1, 2, 3, 4], "noun_category_id": 1, "score": 1}]}', "none of the 1 nouns"),
        (b'{"u": [{"box": [1, 2, 3, 4], "noun_category_id": 0}]}', "u[0], has no 'score'"),
    ],
)
def test_bad_detections_are_named_by_file_and_record(tmp_path, content, words):
    put(tmp_path, "fho_sta", json.dumps(sta()).encode())
    path = tmp_path / "v1/annotations/object_detections.json"
    path.write_bytes(content)
    config = Ego4dStaConfig(name="ego4d_sta", num_frames=8, size=48, short_side=48, batch_size=2)
    with pytest.raises(UserError) as error:
        Ego4dSta(config, tmp_path).read("val")
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_counts_are_given_where_they_are_known():
    assert sum(FACTS.splits.values()) == 64_798
