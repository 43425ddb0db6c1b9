import hashlib
import json

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.weights.lineage import Lineage, file_hash, parse_json


def test_history_of_a_file_travels_and_is_read_back(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"content")
    assert file_hash(path) == hashlib.sha256(b"content").hexdigest()
    one, other = Lineage.of_file(path), Lineage("file", "b.pth", "f" * 64)
    history = one.then("average", "of 2", other).then("mix", "0.5 of clip", Lineage("file", "c.pt", "c" * 64))
    assert Lineage.from_dict(json.loads(json.dumps(history.to_dict()))) == history
    assert history.files() == {file_hash(path): "a.pth", "f" * 64: "b.pth", "c" * 64: "c.pt"}
    assert history.lines() == [
        "mix 0.5 of clip",
        "  average of 2",
        f"    file a.pth  sha256 {file_hash(path)}",
        f"    file b.pth  sha256 {'f' * 64}",
        f"  file c.pt  sha256 {'c' * 64}",
    ]


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"operation": "x"},
        {"operation": 1, "detail": "", "sha256": "", "parents": []},
        {"operation": "x", "detail": "", "sha256": "", "parents": 5},
        {"operation": "x", "detail": "", "sha256": "", "parents": [5]},
    ],
)
def test_damaged_histories_are_refused(values):
    with pytest.raises(UserError, match="damaged"):
        Lineage.from_dict(values)


def test_histories_without_end_are_refused():
    values: dict[str, object] = {"operation": "x", "detail": "", "sha256": "", "parents": []}
    for _ in range(100):
        values = {"operation": "x", "detail": "", "sha256": "", "parents": [values]}
    with pytest.raises(UserError, match="damaged"):
        Lineage.from_dict(values)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_nonsense_is_no_json(text):
    assert parse_json(text) is None
