"""Class scores of videos in ActivityNet's format: written, read back, real rows, bad ones by name."""

import json

import numpy as np
import pytest

from internvideo_pl.data.temporal.scores import read_scores, scores_text
from internvideo_pl.errors import UserError
from tests.data_modules.untrimmed import ROWS, real_rows

CLASSES = ["Archery", "Ballet", "Canoeing"]


def test_scores_read_back(tmp_path):
    scores = np.random.default_rng(0).dirichlet(np.ones(3), size=2)
    (tmp_path / "scores.json").write_text(scores_text(["-a_b4567890", "b1234567890"], scores, CLASSES))
    content = json.loads((tmp_path / "scores.json").read_text())
    assert content.keys() == {"version", "results", "external_data"}
    assert content["results"]["b1234567890"][0]["score"] == max(scores[1]).round(6)
    read = read_scores(tmp_path / "scores.json", CLASSES)
    np.testing.assert_allclose([read["-a_b4567890"], read["b1234567890"]], scores, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"a": [{"label": "Balet", "score": 1}]}, "video a: there is no class 'Balet'. Did you mean 'Ballet'"),
        ({"a": [{"label": "Ballet", "score": "1"}]}, "video a: the score of 'Ballet' is '1', not a number"),
        ({"a": [{"label": "Ballet", "score": True}]}, "is True, not a number"),
        ({"a": {"Ballet": 1}}, "video a: its entry is .* not a list"),
        ([], 'an object with the key "results"'),
    ],
)
def test_bad_entries_are_named(tmp_path, content, sentence):
    (tmp_path / "scores.json").write_text(json.dumps({"results": content}))
    with pytest.raises(UserError, match=sentence):
        read_scores(tmp_path / "scores.json", CLASSES)


@real_rows
def test_real_rows_parse():
    path = ROWS / "activitynet" / "sample_classification_prediction.cut60.json"
    names = [name for name in (ROWS / "activitynet" / "action_name.csv").read_text().split("\n")[1:] if name]
    read = read_scores(path, names)
    assert len(read) == 60
    assert names[int(read["wONwHYy59Tc"].argmax())] == "Blow-drying hair"
