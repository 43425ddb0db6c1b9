import json

import pytest
from rich.console import Console

from internvideo_pl.errors import UserError
from internvideo_pl.weights.audit import FRESH, LEFT_OUT, MATCHED, MISMATCHED, MISSING, UNEXPECTED, Audit, Entry


def audit(*entries: Entry) -> Audit:
    return Audit("x.pth", "VideoMAE", "Classifier", list(entries))


GOOD = Entry("a", MATCHED, 90)


def test_rows_count_tensors_parameters_and_per_cent():
    found = audit(
        GOOD,
        Entry("b", FRESH, 10, "new"),
        Entry("c", FRESH, 20, "new"),
        Entry("d", LEFT_OUT, 30, "the decoder"),
        Entry("e", MISMATCHED, 40, "(1,) instead of (2,)"),
        Entry("f", MISMATCHED, 40, "(3,) instead of (4,)"),
    )
    assert [(row.status, row.why, row.tensors, row.parameters, row.per_cent, row.first) for row in found.rows()] == [
        (MATCHED, "", 1, 90, 45.0, "a"),  # of the model's 200
        (FRESH, "new", 2, 30, 15.0, "b"),
        (LEFT_OUT, "the decoder", 1, 30, 15.0, "d"),  # of the file's 200
        (MISMATCHED, "", 2, 80, 40.0, "e"),
    ]


@pytest.mark.parametrize(
    ("entries", "share"),
    [
        ([GOOD], 1.0),
        ([GOOD, Entry("b", FRESH, 10), Entry("c", LEFT_OUT, 500)], 1.0),
        ([GOOD, Entry("b", MISSING, 10)], 0.9),
        ([GOOD, Entry("b", UNEXPECTED, 10)], 0.9),
        ([GOOD, Entry("b", MISMATCHED, 10)], 0.9),
        ([GOOD, Entry("b", MISSING, 10), Entry("c", UNEXPECTED, 90)], 0.5),
        ([Entry("b", MISSING, 10)], 0.0),
        ([], 0.0),
    ],
)
def test_share_is_the_lesser_side(entries, share):
    assert audit(*entries).share == pytest.approx(share)


def test_faults_are_an_error_even_when_their_share_rounds_away():
    tiny = audit(Entry("a", MATCHED, 10**9), Entry("b", MISSING, 1))
    with pytest.raises(UserError, match=r"1 tensor is missing \(b first\); all must fit"):
        tiny.require(1.0)
    tiny.require(0.999)
    with pytest.raises(UserError, match=r"2 tensors are unexpected \(c first\); 50\.00 % fits and 60 % is asked for"):
        audit(GOOD, Entry("c", UNEXPECTED, 45), Entry("d", UNEXPECTED, 45)).require(0.6)
    with pytest.raises(UserError, match="does not fit"):
        audit(Entry("a", MISSING, 1)).require(0.5)
    audit(GOOD, Entry("b", FRESH, 10), Entry("c", LEFT_OUT, 10)).require(1.0)


def test_drawn_for_terminals_markdown_and_scripts(capsys):
    found = audit(GOOD, Entry("[b]", MISSING, 10, ""), Entry("c|d", LEFT_OUT, 5, "the decoder"))
    found.print(Console(width=120))
    printed = capsys.readouterr().out
    assert "x.pth (VideoMAE) as Classifier" in printed
    assert "[b]" in printed
    assert "90.00" in printed
    markdown = found.to_markdown().splitlines()
    assert markdown[4] == "| matched | 1 | 90 | 90.00 |  | a |"
    assert "c/d" in markdown[5]
    assert {line.count("|") for line in markdown[2:]} == {7}
    values = json.loads(json.dumps(found.to_dict()))
    assert values["share"] == pytest.approx(0.9)
    assert values["rows"][0] == {
        "status": "matched",
        "why": "",
        "tensors": 1,
        "parameters": 90,
        "per_cent": 90.0,
        "first": "a",
    }
