"""The file of Ego4D's natural-language queries, and what its validator refuses."""

import json

import pytest

from internvideo_pl.submissions.ego4d_nlq import nlq_content, nlq_problems, query_key

QUERIES = [{"clip_uid": "c", "annotation_uid": "a", "query_idx": i, "query": "where?"} for i in range(2)]
KEYS = [query_key("c", "a", i) for i in range(2)]


def whole() -> dict:
    return nlq_content((query, [[1.0, 2.5], [0, 3]]) for query in QUERIES)


def test_the_official_form():
    content = json.loads(json.dumps(whole()))
    assert content == {
        "version": "1.0",
        "challenge": "ego4d_nlq_challenge",
        "results": [
            {"clip_uid": "c", "annotation_uid": "a", "query_idx": i, "predicted_times": [[1.0, 2.5], [0.0, 3.0]]}
            for i in range(2)
        ],
    }
    assert nlq_problems(content, KEYS) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c["results"].pop(), "1 of 2 queries are missing: c/a/1"),
        (lambda c: c["results"].append({**c["results"][0], "query_idx": 7}), "are not of the official list: c/a/7"),
        (lambda c: c["results"].append(c["results"][0]), "1 queries are answered more than once"),
        (lambda c: c.update(version="1"), "'version' is '1', not '1.0'"),
        (lambda c: c.pop("challenge"), "'challenge' is None"),
        (lambda c: c.pop("results"), "'results' is not there"),
        (lambda c: c.update(results={}), "'results' is no list"),
        (lambda c: c["results"][1].pop("annotation_uid"), "results[1] has no annotation_uid"),
        (lambda c: c["results"][1].update(query_idx="1"), "results[1] has no query_idx"),
        (lambda c: c["results"][1].update(query_idx=True), "results[1] has no query_idx"),
        (lambda c: c["results"][1].update(predicted_times=[]), "results[1] has 0 predicted_times"),
        (lambda c: c["results"][1].update(predicted_times=[[0, 1]] * 6), "results[1] has 6 predicted_times"),
        (lambda c: c["results"][1].update(predicted_times=[[2, 1]]), "that is no [start, end]"),
        (lambda c: c["results"][1].update(predicted_times=[[0, float("nan")]]), "that is no [start, end]"),
        (lambda c: c["results"].append(3), "results[2] is no object"),
    ],
)
def test_what_the_server_would_refuse(change, sentence):
    content = whole()
    change(content)
    assert any(sentence in problem for problem in nlq_problems(content, KEYS))
