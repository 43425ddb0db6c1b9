"""The table of costs: a line a run, and a sum that leaves none out and counts none twice."""

from dataclasses import replace

from internvideo_pl.tables.cost import cost_table
from internvideo_pl.tables.row import MEAN, Row, read_rows, write_row
from tests.tables.rows import k400, make_row


def hours(row: Row, hours: float, **changes) -> Row:
    return replace(row, gpu_hours=hours, seconds=3600 * hours, **changes)


def test_a_repeated_run_is_another_line_and_counts(tmp_path):
    first, again = hours(k400(80.0), 2.0), hours(k400(80.0), 3.0, created="2026-01-02T12:00:00+00:00")
    write_row(first, tmp_path / "001")
    write_row(again, tmp_path / "002")
    write_row(hours(k400(70.0, task="retrieval"), 3.0), tmp_path / "002")  # the same run's other task
    rows, problems = read_rows(tmp_path)
    assert not problems
    table = cost_table(rows)
    assert len(table.rows) == 2 + 2  # the paper, CoCa, two runs
    assert table.notes == [f"2 runs, 5.00 GPU hours in all, {5 / 645:.2g} % of the paper's A100 hours."]


def test_a_mean_of_splits_is_not_counted_beside_its_runs(tmp_path):
    for split in ("1", "2"):
        write_row(hours(make_row(protocol={"split": split}), 1.0), tmp_path / split)
    write_row(hours(make_row(experiment="mean", protocol={"split": f"{MEAN}test 1, 2"}), 2.0), tmp_path / "mean")
    assert cost_table(read_rows(tmp_path)[0]).notes[0].startswith("2 runs, 2.00 GPU hours")


def test_a_rows_folder_is_known_and_never_written(tmp_path):
    path = write_row(make_row(folder="elsewhere"), tmp_path)
    assert "elsewhere" not in path.read_text()
    assert read_rows(tmp_path)[0][0].folder == str(tmp_path)
