from internvideo_pl.text.prompts import ACTION_TEMPLATES, fill_templates


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
