"""Files over each other: order, `extends`, `mini`, names, and what is said about a mistake in any of them."""

import os

import pytest

from internvideo_pl.config import list_experiments, load_experiment
from internvideo_pl.errors import UserError


def test_later_files_win_and_mappings_merge(load):
    experiment = load("finetune/k400")
    assert experiment.name == "finetune/k400"
    assert experiment.mini is False
    assert experiment.trainer.max_epochs == 50  # base/finetune over base/trainer
    assert experiment.trainer.precision == "bf16-mixed"  # base/trainer
    assert experiment.trainer.max_steps == -1
    assert experiment.backbone.drop_path == 0.1
    assert experiment.data.csv == "val.csv"


def test_shared_grandparent_does_not_undo_a_parent(load, write):
    # base/finetune and base/vit both extend base/trainer: laid twice, it would reset what base/finetune changed.
    assert load("finetune/k400").trainer.max_epochs == 50
    write("finetune/other", "extends: [base/vit, base/finetune]\ndata: {name: kinetics600}\n")
    assert load("finetune/other").trainer.max_epochs == 50


def test_mini_blocks_come_after_every_file_and_before_the_command_line(load):
    experiment = load("finetune/k400", mini=True)
    assert experiment.mini is True
    assert experiment.trainer.max_epochs == 1  # base/trainer's mini beats base/finetune's body
    assert experiment.trainer.max_steps == 100  # base/finetune's mini beats base/trainer's mini
    assert experiment.backbone.size == "tiny"
    assert load("finetune/k400", "trainer.max_steps=7", mini=True).trainer.max_steps == 7


def test_lists_are_replaced_not_joined(load, write):
    write("child", "extends: [finetune/k400]\nwandb: {tags: [c]}\n")
    assert load("child").wandb.tags == ["c"]


def test_parents_are_left_as_they_are(load):
    first = load("finetune/k400", "wandb.tags=[x]")
    assert first.wandb.tags == ["x"]
    assert load("finetune/k400").wandb.tags == ["a", "b"]


def test_only_experiments_that_can_be_run_are_listed(root):
    assert list_experiments(root) == ["demo", "finetune/k400", "zeroshot/msrvtt"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("demmo", "There is no experiment 'demmo'. Did you mean 'demo'?"),
        ("finetune/k40", "There is no experiment 'finetune/k40'. Did you mean 'finetune/k400'?"),
        ("finetune/k400.yaml", "There is no experiment 'finetune/k400.yaml'. Did you mean 'finetune/k400'?"),
        ("../secret", "There is no experiment '../secret'. Choices: demo, finetune/k400, zeroshot/msrvtt."),
        ("finetune/../demo", "There is no experiment 'finetune/../demo'."),
        ("", "There is no experiment ''. Choices: demo"),
        ("base/vit", "'base/vit' is a shared part, not an experiment: `make list` prints those that can be run."),
        ("sweeps/lr", "'sweeps/lr' is a shared part, not an experiment"),
    ],
)
def test_wrong_experiment_name(complaint, name, sentence):
    assert complaint(name).startswith(sentence)


def test_absolute_path_outside_the_folder_is_no_experiment(complaint, tmp_path):
    (tmp_path / "secret.yaml").write_text("seed: 1\n")
    assert complaint(str(tmp_path / "secret")).startswith("There is no experiment")


def test_stage_that_is_not_there(complaint, write):
    write("tour", "stages: [finetune/k400, zeroshot/msrvt]\n")
    assert complaint("tour") == "There is no experiment 'zeroshot/msrvt'. Did you mean 'zeroshot/msrvtt'?"


def test_no_folder_of_experiments(tmp_path):
    with pytest.raises(
        UserError, match=r"There is no folder of experiments at .*nowhere: run from the project's checkout"
    ):
        load_experiment("demo", schemas={}, root=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "seed: 1\nextends: [base/fintune]\n",
            "experiments/bad.yaml, line 2: extends names 'base/fintune', which is not there. "
            "Did you mean 'base/finetune'?",
        ),
        ("extends: base/vit\n", "experiments/bad.yaml, line 1: extends must be a list of names, such as [base/masked]"),
        ("extends: [3]\n", "experiments/bad.yaml, line 1: extends must be a list of names, such as [base/masked]"),
        ("extends: [../bad]\n", "experiments/bad.yaml, line 1: extends names '../bad', which is not there."),
        ("name: bad\n", "experiments/bad.yaml, line 1: leave `name` out, an experiment is called after its file."),
        (
            "trainr: {max_epochs: 1}\n",
            "Unknown key 'trainr' (in experiments/bad.yaml, line 1). Did you mean 'trainer'?",
        ),
        (
            "seed: 3\ntrainer:\n  max_epohcs: 1\n",
            "Unknown key 'trainer.max_epohcs' (in experiments/bad.yaml, line 3). Did you mean 'max_epochs'?",
        ),
        ("max_epochs: 1\n", "Unknown key 'max_epochs' (in experiments/bad.yaml, line 1). Did you mean 'trainer.max_"),
        ("seed: [1\n", "experiments/bad.yaml, line 2: expected ',' or ']'"),
        ("seed: 1\nseed: 2\n", "experiments/bad.yaml, line 2: the key 'seed' stands twice."),
        ("- seed\n", "experiments/bad.yaml must hold `key: value` lines, not a list."),
        ("# nothing yet\n", "experiments/bad.yaml must hold `key: value` lines, not nothing."),
    ],
)
def test_mistake_in_a_file(complaint, write, text, sentence):
    write("bad", text)
    assert complaint("bad").startswith(sentence)


def test_mistake_in_a_parent_names_the_parent(complaint, write):
    write("base/odd", "seed: 1\ntrainer: {max_epochs: many}\nwandb: {mod: online}\n")
    write("child", "extends: [base/odd]\n")
    assert complaint("child").splitlines() == [
        "Unknown key 'wandb.mod' (in experiments/base/odd.yaml, line 3). Did you mean 'mode'?",
        "trainer.max_epochs must be an integer, got 'many' (in experiments/base/odd.yaml, line 2).",
    ]


def test_mistake_in_a_mini_block(complaint, write):
    write("bad", "mini:\n  trainer: {max_step: 1}\n")
    assert complaint("bad", mini=True) == (
        "Unknown key 'trainer.max_step' (in experiments/bad.yaml, line 2). Did you mean 'max_steps'?"
    )
    write("bad", "mini: 3\n")
    assert complaint("bad", mini=True).startswith("experiments/bad.yaml, line 1: mini must be a mapping")


def test_extends_in_a_circle(complaint, write):
    write("base/a", "extends: [base/b]\n")
    write("base/b", "extends: [base/a]\n")
    write("child", "extends: [base/a]\n")
    assert complaint("child") == (
        "experiments/base/b.yaml, line 1: extends goes in a circle: child -> base/a -> base/b -> base/a."
    )
    write("self", "extends: [self]\n")
    assert complaint("self").endswith("extends goes in a circle: self -> self.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(complaint, write):
    write("locked", "seed: 1\n").chmod(0)
    assert complaint("locked").endswith("locked.yaml: Permission denied.")


def test_switching_the_name_of_a_node_never_drops_a_key_in_silence(complaint, load):
    sentence = complaint("finetune/k400", "data.name=msrvtt")
    assert sentence == (
        "Unknown key 'data.csv' (in experiments/finetune/k400.yaml, line 3)."
        " Choices: batch_size, captions, name, weights. An inherited key is taken away with ~data.csv."
    )
    assert load("finetune/k400", "data.name=msrvtt", "~data.csv").data.captions == []


def test_a_parent_that_a_layer_names_null_is_taken_away(load, write):
    parents = "parents: {masked: pretrain/a, multimodal: pretrain/b}\n"
    write("child", f"extends: [finetune/k400]\n{parents}mini: {{parents: {{masked: null}}}}\n")
    assert load("child").parents == {"masked": "pretrain/a", "multimodal": "pretrain/b"}
    assert load("child", mini=True).parents == {"multimodal": "pretrain/b"}
    assert load("child", "parents.masked=pretrain/c", mini=True).parents["masked"] == "pretrain/c"
