"""The file of Ego4D's state-change object detection, COCO results, and what its validator refuses."""

import json

import pytest

from internvideo_pl.submissions.ego4d_scod import scod_content, scod_problems

ROWS = [[7, 1.5, 2, 30, 40, 0.9], [7, 0, 0, 5, 5, 0.1], [9, 1, 1, 2, 2, 0.5]]


def test_cocos_results():
    content = scod_content(ROWS)
    assert content[0] == {"image_id": 7, "category_id": 1, "bbox": [1.5, 2.0, 30.0, 40.0], "score": 0.9}
    assert scod_problems(json.loads(json.dumps(content)), [7, 9]) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.pop(2), "1 of 2 images are missing: 9"),
        (lambda c: c[2].update(image_id=8), "1 images are not of the official list: 8"),
        (lambda c: c[1].update(image_id="7"), "result 1 has an 'image_id' that is no whole number"),
        (lambda c: c[1].update(image_id=True), "result 1 has an 'image_id'"),
        (lambda c: c[0].update(category_id=0), "result 0 has 'category_id' 0, not 1"),
        (lambda c: c[0].pop("score"), "result 0 has not the keys bbox, category_id, image_id, score"),
        (lambda c: c[0].update(area=3), "result 0 has not the keys"),
        (lambda c: c[0].update(score=float("nan")), "result 0 has a 'score' that is not a finite number"),
        (lambda c: c[0].update(bbox=[1, 2, 3]), "result 0 has a 'bbox'"),
        (lambda c: c[0].update(bbox=[1, 2, -3, 4]), "result 0 has a 'bbox'"),
        (lambda c: c[0].update(bbox=[1, 2, "3", 4]), "result 0 has a 'bbox'"),
        (lambda c: c.append(None), "result 3 has not the keys"),
    ],
)
def test_what_the_server_would_refuse(change, sentence):
    content = scod_content(ROWS)
    change(content)
    assert any(problem.startswith(sentence) for problem in scod_problems(content, [7, 9]))


def test_another_form_is_said():
    assert scod_problems({"results": []}, [7]) == ["the file is no list of results"]
    assert scod_problems([], [7, 9]) == ["2 of 2 images are missing: 7, 9"]
