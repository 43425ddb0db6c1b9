"""Values against dataclasses: picked by name at any depth, typed, complete, and refused in a sentence."""

from dataclasses import make_dataclass

import pytest


def test_schema_is_picked_by_name(load):
    experiment = load("finetune/k400")
    assert type(experiment.data).__name__ == "Kinetics"
    assert type(experiment.backbone).__name__ == "Vit"
    assert type(load("zeroshot/msrvtt").data).__name__ == "Retrieval"


def test_names_are_picked_at_every_depth(load):
    joined = load(
        "demo",
        "backbone={name: joined, masked: {name: joined, masked: {name: vit, size: tiny}}}",
        "backbone.towers={video: {name: vit}}",
        "backbone.every=[{name: vit, drop_path: 0.5}]",
        "backbone.fixed.drop_path=0.25",
    )
    assert joined.backbone.masked.masked.size == "tiny"
    assert joined.backbone.towers["video"].drop_path == 0.0
    assert joined.backbone.every[0].drop_path == 0.5
    assert type(joined.backbone.every[0]).__name__ == "Vit"
    assert joined.backbone.fixed.drop_path == 0.25
    assert joined.backbone.fixed.name == "vit"


def test_given_keys_lie_over_the_default_of_their_field(load):
    # The default of `fixed` is Vit(name="vit", size="tiny"), not Vit's own defaults.
    assert load("demo", "backbone.name=joined", "backbone.fixed.drop_path=0.5").backbone.fixed.size == "tiny"
    chosen = load("demo", "backbone.name=joined", "backbone.picked.drop_path=0.5").backbone.picked
    assert (chosen.name, chosen.size, chosen.drop_path) == ("vit", "tiny", 0.5)
    assert load("demo", "backbone.name=joined", "backbone.picked.name=joined").backbone.picked.name == "joined"


def test_every_typed_value_has_its_type(load):
    experiment = load("zeroshot/msrvtt", "data.weights={a: 1}", "data.batch_size=4")
    assert experiment.data.captions == ["yes", "off", "1000.0"]
    assert experiment.data.weights == {"a": 1.0}
    assert isinstance(experiment.data.weights["a"], float)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["data.name=kinetic400"],
            "data.name cannot be 'kinetic400' (on the command line). Did you mean 'kinetics400'?",
        ),
        (["backbone.name=swin"], "backbone.name cannot be 'swin' (on the command line). Choices: joined, vit."),
        (
            ["objective.name=supervized"],
            "objective.name cannot be 'supervized' (on the command line). Did you mean 'supe",
        ),
        (["data.name=3"], "data.name cannot be 3 (on the command line). Choices: kinetics400, kinetics600, msrvtt."),
        (["~data.name"], "data.name is required (in experiments/finetune/k400.yaml, line 3). Choices: kinetics400, "),
        (
            ["data=kinetics400"],
            "data must be a mapping with a name, got 'kinetics400' (on the command line). Did you mean",
        ),
        (["data=[1]"], "data must be a mapping with a name, got [1] (on the command line)."),
        (
            ["backbone={name: joined, masked: {name: vitt}}"],
            "backbone.masked.name cannot be 'vitt' (on the command line). Did you mean 'vit'?",
        ),
        (
            ["backbone={name: joined, every: [{name: vit}, {name: vit, siz: base}]}"],
            "Unknown key 'backbone.every.1.siz' (on the command line). Did you mean 'size'?",
        ),
        (["backbone={name: joined, towers: {a: 3}}"], "backbone.towers.a must be a mapping with a name, got 3"),
        (["trainer.max_epochs=1.5"], "trainer.max_epochs must be an integer, got 1.5 (on the command line)."),
        (["trainer.max_epochs=true"], "trainer.max_epochs must be an integer, got True (on the command line)."),
        (["trainer.max_epochs=null"], "trainer.max_epochs must be an integer, got null (on the command line)."),
        (["trainer.devices=[1]"], "trainer.devices must be an integer or text, got [1] (on the command line)."),
        (["trainer=3"], "trainer must be a mapping with the keys max_epochs, max_steps,"),
        (["trainer=null"], "trainer must be a mapping with the keys max_epochs, max_steps,"),
        (["optimizer.lr=high"], "optimizer.lr must be a number, got 'high' (on the command line)."),
        (["optimizer.betas=[0.9]"], "optimizer.betas must be a list of 2 values (a number, a number), got [0.9]"),
        (["wandb.tags=a"], "wandb.tags must be a list, each item text, got 'a' (on the command line)."),
        (["wandb.project={a: 1}"], "wandb.project must be text, got {'a': 1} (on the command line)."),
        (["objective.flip=on"], "objective.flip must be true or false, got 'on' (on the command line)."),
        (["objective.flip=2"], "objective.flip must be true or false, got 2 (on the command line)."),
        (["parents=[a]"], "parents must be a mapping, each value text, got ['a'] (on the command line)."),
        (["objective.weight=heavy"], "objective.weight must be a number or null, got 'heavy' (on the command line)."),
        (
            ["wandb.mode=onlin"],
            "wandb.mode must be one of 'offline', 'online', 'disabled', got 'onlin' (on the command line). "
            "Did you mean 'online'?",
        ),
        (["backbone.size=huge"], "backbone.size must be one of 'tiny', 'base', got 'huge' (on the command line)."),
        (["backbone.drop_path=-1"], "backbone: drop_path must not be negative"),
        (
            ["backbone={name: joined, every: [{name: vit, drop_path: -1}]}"],
            "backbone.every.0: drop_path must not be negative",
        ),
        (
            ["~objective.smoothing"],
            "objective.smoothing is required: set it in the experiment's file or with objective.smoothing=...",
        ),
        (["objective.smoothing=???"], "objective.smoothing is required: set it"),
        (["optimizer={weight_decay: 0}"], "optimizer.lr is required: set it in the experiment's file or with optim"),
    ],
)
def test_refused_in_one_sentence(complaint, arguments, sentence):
    said = complaint("finetune/k400", *arguments)
    assert said.startswith(sentence)
    assert len(said.splitlines()) == 1


def test_all_problems_are_told_at_once(complaint):
    said = complaint("finetune/k400", "seed=x", "trainer.max_step=1", "data.name=k", "wandb.mode=no")
    assert [line.split(" ")[0] for line in said.splitlines()] == ["Unknown", "data.name", "wandb.mode", "seed"]


def test_schema_without_a_name_field_is_a_mistake_of_the_program(load, schemas, monkeypatch):
    monkeypatch.setitem(schemas["data"], "kinetics400", make_dataclass("Nameless", [("batch_size", int)]))
    with pytest.raises(AssertionError, match=r"Nameless of data\.kinetics400 needs a field"):
        load("finetune/k400")
