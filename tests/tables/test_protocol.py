import re

import pytest

from internvideo_pl.tables.protocol import differences, fingerprint

PROTOCOL = {"split": "val", "views": "7x3", "frames": 16, "resolution": 224}


def test_fingerprint_is_the_same_for_the_same_question():
    again = {"resolution": 224.0, "frames": 16, "views": "7x3", "split": "val"}
    assert fingerprint(PROTOCOL, "k400", "recognition") == fingerprint(again, "k400", "recognition")
    assert fingerprint({"crops": (1, 2)}, None, "t") == fingerprint({"crops": [1, 2]}, None, "t")
    assert re.fullmatch("[0-9a-f]{12}", fingerprint(PROTOCOL, "k400", "recognition"))


@pytest.mark.parametrize(
    ("protocol", "benchmark", "task"),
    [
        ({**PROTOCOL, "split": "test"}, "k400", "recognition"),
        ({**PROTOCOL, "frames": 32}, "k400", "recognition"),
        ({**PROTOCOL, "ties": "compat"}, "k400", "recognition"),
        (PROTOCOL, "k600", "recognition"),
        (PROTOCOL, None, "recognition"),
        (PROTOCOL, "k400", "linear_probe"),
    ],
)
def test_fingerprint_differs_for_another_question(protocol, benchmark, task):
    assert fingerprint(protocol, benchmark, task) != fingerprint(PROTOCOL, "k400", "recognition")


def test_fingerprint_is_stable_across_releases():
    # rows on disk keep theirs: a change of the rule would set old rows apart from new ones
    assert fingerprint({"split": "val", "frames": 16}, "k400", "recognition") == "6c6c9569dc3b"


def test_fingerprint_refuses_what_json_cannot_hold():
    with pytest.raises(TypeError):
        fingerprint({"split": {"val"}}, None, "recognition")


def test_differences_name_the_field_and_both_values():
    assert differences(PROTOCOL, {"split": "val", "frames": 16.0}) == []
    assert differences(PROTOCOL, {"split": "test", "captions": "all"}) == [
        "split is val, not test",
        "captions is not recorded, not all",
    ]
