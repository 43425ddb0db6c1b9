"""The file of Ego4D's future hand prediction, and what its validator refuses."""

import json

import pytest

from internvideo_pl.submissions.ego4d_fhp import fhp_content, fhp_problems

KEYS = ["1_99", "2_350"]


def whole() -> dict:
    return fhp_content({key: [float(i) for i in range(20)] for key in KEYS})


def test_numbers_are_sums_over_thirty_views():
    content = whole()
    assert content["1_99"] == [30.0 * i for i in range(20)]
    assert fhp_problems(json.loads(json.dumps(content)), KEYS) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.pop("1_99"), "1 of 2 clips are missing: 1_99"),
        (lambda c: c.update({"3_1": c["1_99"]}), "1 clips are not of the official list: 3_1"),
        (lambda c: c["1_99"].pop(), "1_99 has not 20 finite numbers"),
        (lambda c: c["1_99"].__setitem__(3, "7"), "1_99 has not 20"),
        (lambda c: c["1_99"].__setitem__(3, float("nan")), "1_99 has not 20"),
        (lambda c: c["1_99"].__setitem__(3, True), "1_99 has not 20"),
        (lambda c: c.update({"1_99": None}), "1_99 has not 20"),
    ],
)
def test_what_the_server_would_refuse(change, sentence):
    content = whole()
    change(content)
    assert any(sentence in problem for problem in fhp_problems(content, KEYS))


def test_no_object_is_said():
    assert fhp_problems([1], KEYS) == ["the file is no JSON object"]
