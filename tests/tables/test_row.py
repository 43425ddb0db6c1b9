import json
import math
import re
import subprocess
import sys

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.tables import row as row_module
from internvideo_pl.tables.row import Coverage, read_rows, write_row
from tests.tables.rows import make_row


def test_a_row_survives_its_file(tmp_path):
    row = make_row(coverage=Coverage(198, 200, ("a", "b")), kwh=0.25, protocol={"views": [7, 3], "prompts": None})
    path = write_row(row, tmp_path / "demo" / "001")
    assert path.name.startswith("row-demo-coordinated-recognition-")
    assert read_rows(tmp_path) == ([row], [])
    assert json.loads(path.read_text())["fingerprint"] == row.fingerprint
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]  # no temporary file stays


def test_undefined_values_are_kept_as_such(tmp_path):
    path = write_row(make_row(metrics={"top1": 50.0, "AUROC": math.nan}), tmp_path)
    assert json.loads(path.read_text())["metrics"]["AUROC"] is None
    assert math.isnan(read_rows(tmp_path)[0][0].metrics["AUROC"])


def test_only_the_first_twenty_missing_videos_are_named(tmp_path):
    names = tuple(f"video{i}" for i in range(50))
    write_row(make_row(coverage=Coverage(150, 200, names)), tmp_path)
    assert read_rows(tmp_path)[0][0].coverage == Coverage(150, 200, names[:20])


def test_rows_are_never_overwritten(tmp_path):
    path = write_row(make_row(), tmp_path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="never overwritten"):
        write_row(make_row(), tmp_path)
    assert path.read_bytes() == before
    write_row(make_row(seed=1), tmp_path)
    assert len(read_rows(tmp_path)[0]) == 2


def test_without_hard_links_nothing_is_overwritten_either(tmp_path, monkeypatch):
    monkeypatch.setattr(row_module.os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links here")))
    write_row(make_row(), tmp_path)
    with pytest.raises(UserError, match="never overwritten"):
        write_row(make_row(), tmp_path)
    assert read_rows(tmp_path) == ([make_row()], [])


def test_a_folder_that_is_a_file_is_said_in_a_sentence(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match="choose a results folder that is writable"):
        write_row(make_row(), tmp_path / "results")


WRITER = """
import dataclasses, pathlib, sys
from internvideo_pl.tables.row import Row, write_row
row, first, folder = Row.from_json(sys.stdin.read()), int(sys.argv[1]), pathlib.Path(sys.argv[2])
for i in range(500):
    write_row(dataclasses.replace(row, seed=first + i), folder)
"""


def test_parallel_writers_lose_nothing(tmp_path):
    row = make_row().to_json()
    writers = []
    for first in (0, 1000):
        command = [sys.executable, "-c", WRITER, str(first), str(tmp_path)]
        writers.append(subprocess.Popen(command, stdin=subprocess.PIPE, text=True))
    for writer in writers:
        writer.communicate(row, timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    rows, problems = read_rows(tmp_path)
    assert problems == []
    assert sorted(row.seed for row in rows) == [*range(500), *range(1000, 1500)]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "Unterminated string|Expecting"),
        (lambda text: "[]", "not a row of format 3"),
        (lambda text: text.replace('"format": 3', '"format": 4'), "not a row of format 3"),
        (lambda text: text.replace('"seed"', '"sead"'), "differ from a row's in sead, seed"),
        (lambda text: text.replace('"classes": 4', '"classes": 5'), "no longer has the fingerprint"),
        (lambda text: text.replace('"headline": "top1"', '"headline": "topp1"'), "has not the shape"),
        (lambda text: text.replace("80.0", '"80 %"'), "top1 is '80 %'"),
        (lambda text: text.replace('"used": 200', '"used": "all"'), "used is 'all'"),
        (lambda text: text.replace('"seed": 0', '"seed": "first"'), "seed is 'first'"),
        (lambda text: text.replace('"parents": {', '"parents": [], "x": {'), "differ from a row's in x"),
        (lambda text: text.replace('"mini": true', '"mini": "yes"'), "mini is 'yes'"),
        (lambda text: "[" * 100_000, "recursion|left out"),
    ],
)
def test_a_damaged_file_is_named_and_the_others_are_read(tmp_path, damage, reason):
    sound = make_row(seed=7)
    write_row(sound, tmp_path / "good")
    path = write_row(make_row(), tmp_path / "bad")
    path.write_text(damage(path.read_text()))
    rows, problems = read_rows(tmp_path)
    assert rows == [sound]
    (problem,) = problems
    assert str(path) in problem
    assert "was left out" in problem
    assert re.search(reason, problem)


def test_rows_are_read_oldest_first(tmp_path):
    for day in (3, 1, 2):
        write_row(make_row(created=f"2026-01-0{day}T00:00:00+00:00"), tmp_path / str(day))
    assert [row.created[9] for row in read_rows(tmp_path)[0]] == ["1", "2", "3"]


def test_no_results_are_no_rows(tmp_path):
    assert read_rows(tmp_path / "nothing") == ([], [])


def test_the_headline_must_be_measured():
    with pytest.raises(AssertionError, match="top-1"):
        make_row(headline="top-1")


def test_coverage_is_complete_only_without_gaps():
    assert Coverage(5, 5).complete
    assert not Coverage(4, 5).complete


def test_hand_edited_protocols_are_found_by_value_not_by_layout(tmp_path):
    path = write_row(make_row(), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text())))  # another layout, the same content
    assert read_rows(tmp_path) == ([make_row()], [])


def test_rows_of_the_format_before_are_still_read(tmp_path):
    path = write_row(make_row(recipe="c" * 12, intervals={"top1": (75.0, 85.0)}), tmp_path)
    assert read_rows(tmp_path)[0][0].intervals == {"top1": (75.0, 85.0)}
    content = json.loads(path.read_text())
    old = {name: value for name, value in content.items() if name not in ("recipe", "intervals")} | {"format": 2}
    path.write_text(json.dumps(old))
    assert read_rows(tmp_path) == ([make_row()], [])
