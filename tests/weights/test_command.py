"""`internvideo weights`, as a person uses it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from internvideo_pl.__main__ import main
from internvideo_pl.weights.lineage import file_hash
from internvideo_pl.weights.load import build_model, read_model
from internvideo_pl.weights.recognize import LAYOUTS
from internvideo_pl.weights.tensor_file import write_tensor_file
from tests.weights.conftest import equal, make, random, tower_classifier
from tests.weights.contents import Evil


@pytest.fixture
def released(saved) -> Path:
    """A tiny InternVideo-MM file as its authors would have written it."""
    state = LAYOUTS["internvideo_mm"].write(make("multimodal").state_dict())
    return saved({"state_dict": state, "epoch": 1}, "InternVideo-MM.ckpt")


def weights(*words: object) -> int:
    return main(["weights", *map(str, words)])


def test_an_audit_alone_writes_nothing(released, tmp_path, capsys):
    assert weights(released) == 0
    printed = capsys.readouterr().out
    assert "InternVideo-MM" in printed
    assert "matched" in printed
    assert "100.00" in printed
    assert f"sha256 {file_hash(released)}" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["InternVideo-MM.ckpt"]


def test_there_and_back_again(released, tmp_path, capsys):
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    assert weights(released, ours) == 0
    assert equal(load_file(ours), make("multimodal").state_dict())
    assert weights(ours, theirs, "--to", "released") == 0
    assert equal(load_file(theirs), torch.load(released)["state_dict"])
    history = read_model(theirs).lineage
    assert history.files() == {file_hash(path): path.name for path in (released, ours, theirs)}
    assert "convert internvideo_mm to ours" in "\n".join(history.lines())
    with safe_open(theirs, framework="pt") as file:
        assert json.loads(file.metadata()["internvideo_pl"])["kind"] == "multimodal"


def test_options_work_together(saved, tmp_path):
    clip = saved(LAYOUTS["openai_clip"].write(make("multimodal", 5).state_dict()), "clip.pt")
    files = [saved(random(tower_classifier(710), seed).state_dict(), f"{seed}.pth") for seed in range(2)]
    target = tmp_path / "out" / "x.safetensors"
    rows = list(range(0, 710, 2))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    options = ["--average", files[1], "--mix", clip, "--ratio", "0.5", "--classes", tmp_path / "rows.json"]
    assert weights(files[0], target, *options, "--frames", "6", "--size", "64") == 0
    found = read_model(target)
    first, second = (torch.load(file) for file in files)
    name = "backbone.class_embedding"
    mean = (first[name] + second[name]) / 2
    torch.testing.assert_close(found.state[name], (mean + torch.load(clip)["visual.class_embedding"]) / 2)
    torch.testing.assert_close(found.state["head.bias"], (first["head.bias"] + second["head.bias"])[rows] / 2)
    model = build_model(found)
    assert (model.backbone.input.num_frames, model.backbone.input.size, model.head.out_features) == (6, 64, 355)
    assert {clip.name, "0.pth", "1.pth"} <= set(found.lineage.files().values())
    assert [step for step in ("resize", "classes", "mix", "average") if step in "\n".join(found.lineage.lines())] == [
        "resize",
        "classes",
        "mix",
        "average",
    ]


def test_first_rows_by_number(saved, tmp_path):
    path = saved(random(tower_classifier(710)).state_dict())
    assert weights(path, tmp_path / "x.safetensors", "--classes", "400") == 0
    assert load_file(tmp_path / "x.safetensors")["head.weight"].shape == (400, 96)
    assert weights(path, "--classes", "600") == 2


def test_clip_keeps_its_own_names_and_ours_reads_back(saved, tmp_path, capsys):
    clip = saved(LAYOUTS["openai_clip"].write(make("multimodal").state_dict()), "clip.pt")
    ours, again = tmp_path / "ours.safetensors", tmp_path / "again.safetensors"
    assert weights(clip, ours) == 0
    assert "global blocks, which start silent" in capsys.readouterr().out
    assert weights(ours, again, "--to", "openai_clip") == 0
    assert equal(load_file(again), torch.load(clip))
    assert weights(ours, again, "--to", "transformers_clip") == 0
    assert "vision_model.pre_layrnorm.weight" in load_file(again)


def test_json_for_scripts(released, capsys):
    assert weights(released, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["kind"], values["share"]) == ("multimodal", 1.0)
    assert values["lineage"]["sha256"] == file_hash(released)


def test_the_list(capsys):
    assert weights("--list") == 0
    printed = capsys.readouterr().out
    assert "OpenGVLab/InternVideo1.0:InternVideo-MM-L-14.ckpt" in printed
    assert "by hand: vit_b_hybrid_pt_800e_k400_ft.pth" in printed
    assert weights() == 0
    assert capsys.readouterr().out == printed


def test_mistakes_are_one_sentence_and_leave_nothing(released, tmp_path, capsys):
    broken = tmp_path / "broken.pth"
    broken.write_bytes(released.read_bytes()[:5000])
    partial = tmp_path / "partial.pth"
    state = torch.load(released)["state_dict"]
    torch.save({name: x for name, x in state.items() if "dec.1" not in name}, partial)
    good = tmp_path / "x.safetensors"
    before = sorted(tmp_path.iterdir())
    for words, says in (
        ([tmp_path / "gone.pth"], "there is no file of weights at"),
        (["internvideo_mm_l41"], "Did you mean 'internvideo_mm_l14'?"),
        ([broken, good], "damaged or incomplete zip archive"),
        ([partial, good], "2 tensors are unexpected (visual.transformer.dpe.1.weight first)"),
        ([released, tmp_path / "x.pth"], "give a file that ends in .safetensors"),
        ([released, tmp_path], "give a file that ends in .safetensors"),
        ([released, good, "--to", "openai_klip"], "Did you mean 'openai_clip'?"),
        ([released, good, "--to", "videomae_finetune"], "Choices: internvideo_mm"),
        ([released, good, "--classes", "400"], "has no classifier"),
        ([released, good, "--mix", released, "--ratio", "2"], "must lie between 0 and 1"),
        ([released, good, "--average", partial], "does not fit"),
        ([released, good, "--size", "50"], "do not divide"),
        ([released, good, "--frames", "x"], "invalid int value"),
        ([released, tmp_path / "partial.pth" / "x.safetensors"], "cannot write"),
    ):
        assert weights(*words) == 2, words
        captured = capsys.readouterr()
        assert says in captured.err, captured.err
        assert len(captured.err.strip().splitlines()) == 1
        assert sorted(tmp_path.iterdir()) == before


def test_trust_is_asked_for(saved, tmp_path, capsys):
    mark = tmp_path / "mark"
    state = make("masked_classifier").state_dict()
    path = saved({"model": state, "args": Evil(mark)})
    assert weights(path) == 2
    assert "--trust" in capsys.readouterr().err
    assert not mark.exists()
    assert weights(path, tmp_path / "x.safetensors", "--trust") == 0
    assert mark.exists()
    assert equal(load_file(tmp_path / "x.safetensors"), state)


def test_a_file_may_be_written_over_itself(saved, tmp_path):
    path = write_tensor_file(make("video_tower_classifier").state_dict(), tmp_path / "x.safetensors", {})
    assert weights(path, path, "--to", "released") == 0
    assert read_model(path).source == "uniformerv2"
    assert equal(read_model(path).state, make("video_tower_classifier").state_dict())


def test_shared_and_strided_tensors_are_written_apart(tmp_path):
    value = torch.arange(6.0).reshape(2, 3)
    state = {"a": value, "b": value, "c": value.T, "d": value[:, 1]}
    write_tensor_file(state, tmp_path / "x.safetensors", {})
    found = load_file(tmp_path / "x.safetensors")
    assert all(torch.equal(found[name], state[name]) for name in state)
