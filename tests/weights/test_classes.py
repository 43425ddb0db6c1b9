import json

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.weights.classes import read_rows, select_rows


def test_rows_by_the_releases_rule_and_by_list():
    weight = torch.randn(710, 3)
    assert torch.equal(select_rows(weight, 400, None), weight[:400])
    assert select_rows(weight, 710, None).data_ptr() == weight.data_ptr()
    assert select_rows(weight, 600, None) is None
    assert select_rows(torch.randn(700, 3), 400, None) is None  # only 710 begins with Kinetics-400
    rows = [709, 0, 5]
    assert torch.equal(select_rows(weight, 3, rows), weight[rows])
    assert select_rows(weight, 4, rows) is None
    assert select_rows(weight, 3, [710, 0, 5]) is None


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        ([3, 1, 2], ["a", "b", "c"], [3, 1, 2]),
        ({"b": 7, "a": 4, "z": 1}, ["a", "b"], [4, 7]),
        ({"b": 7, "a": 4}, [], [7, 4]),
    ],
)
def test_rows_from_a_file(tmp_path, content, names, rows):
    (tmp_path / "map.json").write_text(json.dumps(content))
    assert read_rows(tmp_path / "map.json", names) == rows


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, -2]", "must hold a list of rows"),
        ("[true]", "must hold a list of rows"),
        ('["a"]', "must hold a list of rows"),
        ("[]", "must hold a list of rows"),
        ("5", "must hold a list of rows"),
        ('{"a": 1}', r"no row for 1 of the classes, 'b' first"),
        ("[1,", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_other_files_are_refused(tmp_path, text, says):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(UserError, match=says):
        read_rows(tmp_path / "map.json", ["a", "b"])
    with pytest.raises(UserError, match="cannot be read"):
        read_rows(tmp_path / "gone.json")
