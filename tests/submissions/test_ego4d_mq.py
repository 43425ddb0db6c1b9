"""The file of Ego4D's moment queries, and what its validator refuses."""

import json

import pytest

from internvideo_pl.submissions.ego4d_mq import mq_content, mq_problems

CLIPS, LABELS = ["c", "d"], {"wash_hands", "use_phone"}


def whole() -> dict:
    found = [("wash_hands", 1, 2.5, 0.2), ("use_phone", 0, 3, 0.9)]
    return json.loads(json.dumps(mq_content({"c": found, "d": []})))


def test_the_official_form_the_surest_first():
    content = whole()
    assert {key: content[key] for key in ("version", "challenge")} == {
        "version": "1.0",
        "challenge": "ego4d_moment_queries",
    }
    assert content["detect_results"] == content["retrieve_results"]
    assert content["detect_results"] == {
        "c": [
            {"label": "use_phone", "segment": [0.0, 3.0], "score": 0.9},
            {"label": "wash_hands", "segment": [1.0, 2.5], "score": 0.2},
        ],
        "d": [],
    }
    assert mq_problems(content, CLIPS, LABELS) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c["detect_results"].pop("d"), "detect_results: 1 of 2 clips are missing: d"),
        (lambda c: c["retrieve_results"].update(e=[]), "retrieve_results: 1 clips are not of the official list: e"),
        (lambda c: c.update(challenge="x"), "'challenge' is 'x'"),
        (lambda c: c["detect_results"]["c"][0].update(label=["x"]), "c: [0] has no label of the challenge"),
        (lambda c: c.pop("retrieve_results"), "'retrieve_results' is not there"),
        (lambda c: c.update(detect_results=[]), "'detect_results' is no object"),
        (lambda c: c["detect_results"].update(d={}), "detect_results, d: is no list"),
        (lambda c: c["detect_results"]["c"][0].update(label="run"), "[0] has no label of the challenge"),
        (lambda c: c["detect_results"]["c"][0].update(segment=[3, 1]), "that is no [start, end]"),
        (lambda c: c["detect_results"]["c"][0].update(segment=[1]), "that is no [start, end]"),
        (lambda c: c["detect_results"]["c"][1].pop("score"), "[1] has no finite score"),
        (lambda c: c["detect_results"]["c"].reverse(), "[1] is surer than the one before it"),
    ],
)
def test_what_the_server_would_refuse(change, sentence):
    content = whole()
    change(content)
    assert any(sentence in problem for problem in mq_problems(content, CLIPS, LABELS))


def test_no_object_is_said():
    assert mq_problems([], CLIPS, LABELS) == ["the file is no JSON object"]
