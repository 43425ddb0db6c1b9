import csv
import json

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError, Ledger


def test_a_file_is_recorded_once_with_its_first_reason():
    ledger = Ledger(total=10, budget=1.0)
    ledger.record(DecodeError("b.mp4", "is empty"))
    ledger.record(DecodeError("a.mp4", "no such file"))
    ledger.record(DecodeError("b.mp4", "something else"))
    assert ledger.faults == {"b.mp4": "is empty", "a.mp4": "no such file"}
    assert ledger.summary() == ("2 of 10 files could not be read:\n  b.mp4: is empty\n  a.mp4: no such file")


def test_nothing_wrong_is_said_in_one_line():
    assert Ledger(total=3, budget=0.0).summary() == "All 3 files could be read."


@pytest.mark.parametrize(("total", "budget", "borne"), [(10, 0.2, 2), (10, 0.0, 0), (9, 0.2, 1), (5, 1.0, 5)])
def test_the_budget_is_a_share_of_all_files(total, budget, borne):
    ledger = Ledger(total, budget)
    for number in range(borne):
        ledger.record(DecodeError(f"{number}.mp4", "bad"))
        ledger.record(DecodeError(f"{number}.mp4", "bad"))  # counted once
    if borne < total:
        with pytest.raises(UserError, match=f"{borne + 1} of {total} files.*allows {borne}.*last.mp4 .bad|0.mp4 .bad"):
            ledger.record(DecodeError("last.mp4", "bad"))
        assert "last.mp4" in ledger.faults


def test_merge_takes_over_what_another_process_found():
    one, other = Ledger(4, 0.0, {"a": "x"}), Ledger(4, 0.0, {"a": "y", "b": "z"})
    one.merge(other)
    assert one.faults == {"a": "x", "b": "z"}


def test_the_ledger_is_written_whole(tmp_path):
    ledger = Ledger(3, 1.0, {'odd, "name".mp4': "is cut short: 5 of 9", "b.mp4": "no"})
    ledger.write(tmp_path / "faults.json")
    written = json.loads((tmp_path / "faults.json").read_text())
    assert written["total"] == 3
    assert written["faults"][0] == {"path": 'odd, "name".mp4', "reason": "is cut short: 5 of 9"}
    ledger.write(tmp_path / "faults.csv")
    with open(tmp_path / "faults.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["path", "reason"], ['odd, "name".mp4', "is cut short: 5 of 9"], ["b.mp4", "no"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faults.csv", "faults.json"]
