import csv

import pytest

from internvideo_pl.text.prompts import ACTION_TEMPLATES, fill_templates, readable
from tests.data_modules.real import ABSENT, VIDEOLANG


def test_there_are_sixteen_different_templates_with_one_place_each():
    assert len(set(ACTION_TEMPLATES)) == 16
    assert all(template.count("{}") == 1 for template in ACTION_TEMPLATES)


def test_names_are_filled_in_template_by_template():
    filled = fill_templates(["running", "braiding {hair}"])
    assert len(filled) == 16
    assert filled[0] == ["a photo of action running", "a photo of action braiding {hair}"]
    assert filled[7] == ["running", "braiding {hair}"]
    assert filled[11][0] == "Can you recognize the action of running?"
    assert fill_templates(["x"], ["{} y"]) == [["x y"]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("brush_hair", "brush hair"),  # HMDB51
        ("ApplyEyeMakeup", "Apply Eye Makeup"),  # UCF101
        ("YoYo", "Yo Yo"),
        ("adult+female+singing", "adult female singing"),  # Moments in Time
        ("Pushing [something] from left to right", "Pushing something from left to right"),  # Something-Something
        ("massaging person's head", "massaging person's head"),  # Kinetics
        ("Playing ten pins", "Playing ten pins"),  # ActivityNet
        ("kick", "kick"),
    ],
)
def test_class_names_become_words(name, words):
    assert readable(name) == words


@pytest.mark.skipif(not VIDEOLANG.is_dir(), reason=ABSENT)
def test_the_real_kinetics_names_and_templates_are_those_of_the_protocol():
    with (VIDEOLANG / "k400_zeroshot" / "kinetics_400_labels.csv").open(encoding="utf-8") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert len(names) == 400
    assert [readable(name) for name in names] == names
    listed = (VIDEOLANG / "k400_zeroshot" / "prompt_templates_16.txt").read_text(encoding="utf-8")
    assert listed.splitlines() == list(ACTION_TEMPLATES)
