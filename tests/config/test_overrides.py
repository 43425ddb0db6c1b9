"""`key=value` from the command line: every kind of value, and every way to get one wrong."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from internvideo_pl.config import load_resolved, save_config
from internvideo_pl.errors import UserError


@pytest.mark.parametrize(
    ("argument", "read", "expected"),
    [
        ("wandb.project=a=b", lambda e: e.wandb.project, "a=b"),
        ("wandb.project=k=v=w", lambda e: e.wandb.project, "k=v=w"),
        ("wandb.project='5'", lambda e: e.wandb.project, "5"),
        ('wandb.project=""', lambda e: e.wandb.project, ""),
        ("wandb.project=two words", lambda e: e.wandb.project, "two words"),
        ("wandb.project=#1", lambda e: e.wandb.project, "#1"),
        ("wandb.project=http://host:80/x", lambda e: e.wandb.project, "http://host:80/x"),
        ("wandb.project=off", lambda e: e.wandb.project, "off"),
        ("wandb.entity=null", lambda e: e.wandb.entity, None),
        ("wandb.tags=[x, 'y z', \"w\"]", lambda e: e.wandb.tags, ["x", "y z", "w"]),
        ("wandb.tags=[]", lambda e: e.wandb.tags, []),
        ("parents={masked: pretrain/k400}", lambda e: e.parents, {"masked": "pretrain/k400"}),
        ("parents.multi-modal=x.ckpt", lambda e: e.parents, {"multi-modal": "x.ckpt"}),
        ("optimizer.lr=1e-4", lambda e: e.optimizer.lr, 1e-4),
        ("optimizer.lr=3", lambda e: e.optimizer.lr, 3.0),
        ("optimizer.betas=[0.9, 0.98]", lambda e: e.optimizer.betas, (0.9, 0.98)),
        ("trainer.max_steps=-1", lambda e: e.trainer.max_steps, -1),
        ("trainer.devices=2", lambda e: e.trainer.devices, 2),
        ("trainer.limit_train_batches=1", lambda e: e.trainer.limit_train_batches, 1),  # one batch, not all of them
        ("trainer.limit_train_batches=1.0", lambda e: e.trainer.limit_train_batches, 1.0),
        ("trainer.devices=auto", lambda e: e.trainer.devices, "auto"),
        ("trainer.gradient_clip_val=0.5", lambda e: e.trainer.gradient_clip_val, 0.5),
        ("objective.flip=true", lambda e: e.objective.flip, True),
        ("objective.grid=[4, 4, 4]", lambda e: e.objective.grid, (4, 4, 4)),
        ("objective.weight=${optimizer.lr}", lambda e: e.objective.weight, 1e-3),
        ("optimizer=null", lambda e: e.optimizer, None),
        ("optimizer={lr: 7}", lambda e: (e.optimizer.lr, e.optimizer.weight_decay), (7.0, 0.05)),
        ("data.root=/videos", lambda e: str(e.data.root), "/videos"),
    ],
)
def test_values(load, argument, read, expected):
    got = read(load("finetune/k400", argument))
    assert got == expected
    assert type(got) is type(expected)


def test_later_argument_wins(load):
    assert load("finetune/k400", "seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("trainer.max_epohcs=1", "Unknown key 'trainer.max_epohcs' (on the command line). Did you mean 'max_epochs'?"),
        ("trianer.max_epochs=1", "Unknown key 'trianer' (on the command line). Did you mean 'trainer'?"),
        ("max_epochs=1", "Unknown key 'max_epochs' (on the command line). Did you mean 'trainer.max_epochs'?"),
        ("data.batchsize=1", "Unknown key 'data.batchsize' (on the command line). Did you mean 'batch_size'?"),
        ("trainer.max_epochs=fast", "trainer.max_epochs must be an integer, got 'fast' (on the command line)."),
        (
            "trainer.max_epochs",
            "Cannot read 'trainer.max_epochs': write key=value with a key such as trainer.max_steps",
        ),
        ("=3", "Cannot read '=3': write key=value"),
        ("a..b=3", "Cannot read 'a..b=3': write key=value"),
        ("-seed=3", "Cannot read '-seed=3': write key=value"),
        ("~seed=3", "Cannot read '~seed=3': write key=value"),
        ("seed=", "'seed=' has no value: write seed=null for nothing, seed='\"\"' for empty text."),
        ("wandb.tags=[a", "'wandb.tags=[a': cannot read the value '[a' (expected ',' or ']', but got '<stream end>')"),
        ("wandb.tags=*x", "'wandb.tags=*x': cannot read the value '*x' (aliases are not read here"),
        ("wandb.tags=!!python/name:os.system", "'wandb.tags=!!python/name:os.system': cannot read the value"),
        ("extends=[base/vit]", "Cannot take 'extends=[base/vit]': parents stand in the experiment's file."),
        ("mini=true", "Cannot take 'mini=true': the miniature is asked for with MINI=1 (--mini)."),
        ("name=other", "Cannot take 'name=other': an experiment is called after its file."),
        ("~data.cvs", "~data.cvs takes nothing away: no file sets data.cvs. Did you mean 'csv'?"),
        ("~seed.x", "~seed.x takes nothing away: no file sets seed."),
        ("objective.weight=${optimizer.lrr}", "objective.weight: Interpolation key 'optimizer.lrr' not found (on the"),
    ],
)
def test_mistakes(complaint, argument, sentence):
    assert complaint("finetune/k400", argument).startswith(sentence)


def test_removed_key_falls_back_to_its_default(load):
    assert load("finetune/k400", "~data.csv").data.csv == "train.csv"
    assert load("finetune/k400", "~optimizer").optimizer is None


def test_replaced_mapping_is_blamed_on_the_command_line(complaint):
    sentence = complaint("finetune/k400", "data={name: kinetics400, cvs: x}")
    assert sentence.startswith("Unknown key 'data.cvs' (on the command line). Did you mean 'csv'?")


_KEYS = st.sampled_from(
    [
        *("seed", "trainer", "trainer.max_steps", "trainer.devices", "trainer.limit_test_batches", "data", "data.name"),
        *("data.batch_size", "data.root", "backbone", "backbone.every", "backbone.towers.a", "backbone.picked"),
        *(
            "objective.grid",
            "objective.flip",
            "optimizer",
            "wandb.tags",
            "wandb.mode",
            "parents",
            "stages",
            "paths.run",
        ),
    ]
)
_TEXTS = st.text(max_size=6) | st.sampled_from(
    [
        *(
            "null",
            "???",
            "${seed}",
            "${",
            "${x.y}",
            "${oc.env:HOME}",
            "1",
            "-1",
            "1.5",
            "true",
            "vit",
            "joined",
            "[]",
            "{}",
        ),
        *(
            "[1, 2, 3]",
            "[null]",
            "{name: vit}",
            "{name: joined, every: [{name: vit}]}",
            "[[1]]",
            "{a: {b: 1}}",
            "{1: 2}",
        ),
        *("{name: [vit]}", "{? [a] : 1}", "{name: null}", "[{name: joined, masked: 3}]", "{name: vit, size: ${seed}}"),
    ]
)


@given(st.lists(st.tuples(_KEYS, _TEXTS).map("=".join) | _KEYS.map("~{}".format), max_size=4))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_loads_or_is_refused_in_words(load, schemas, tmp_path, arguments):
    with contextlib.suppress(UserError):
        experiment = load("finetune/k400", *arguments)
        save_config(experiment, tmp_path / "config.yaml")
        assert load_resolved(tmp_path / "config.yaml", schemas=schemas) == experiment
