"""The resolved experiment: saved whole, read back equal, and hashed by what it computes."""

import os

import pytest

from internvideo_pl.config import config_hash, load_resolved, save_config
from internvideo_pl.errors import UserError

JOINED = "backbone={name: joined, masked: {name: vit}, towers: {v: {name: vit}}, every: [{name: vit, size: tiny}]}"


@pytest.mark.parametrize(
    ("name", "arguments", "mini"),
    [
        ("finetune/k400", [], False),
        ("finetune/k400", ["data.name=kinetics600", "data.root=/videos", "optimizer.lr=1e-5"], True),
        ("finetune/k400", ["objective.weight=${optimizer.lr}", "wandb.entity=null", "wandb.project=off"], False),
        (
            "finetune/k400",
            ["wandb.tags=['1e-4', 'null', '1_000', '0x1F', '012', '', ' a', '#', 'true', '1:30']"],
            False,
        ),
        ("zeroshot/msrvtt", ["data.weights={a: 1e-30, b: .inf}", "parents={x-y: 'a: b'}"], False),
        ("demo", [JOINED], False),
    ],
)
def test_saved_experiment_reads_back_equal(load, schemas, tmp_path, name, arguments, mini):
    experiment = load(name, *arguments, mini=mini)
    save_config(experiment, tmp_path / "run" / "config.yaml")
    again = load_resolved(tmp_path / "run" / "config.yaml", schemas=schemas)
    assert again == experiment
    assert type(again.backbone) is type(experiment.backbone)
    assert config_hash(again) == config_hash(experiment)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.yaml"]


def test_saved_file_starts_with_its_name(load, tmp_path):
    save_config(load("finetune/k400"), tmp_path / "config.yaml")
    assert (tmp_path / "config.yaml").read_text().startswith("# finetune/k400, as it ran: every key, resolved\nname: f")


def test_damaged_file_is_refused(load, schemas, tmp_path):
    path = tmp_path / "config.yaml"
    save_config(load("finetune/k400"), path)
    path.write_text(path.read_text().replace("seed: 0", "sead: 0"))
    line = path.read_text().splitlines().index("sead: 0") + 1
    with pytest.raises(UserError, match=rf"Unknown key 'sead' \(in config.yaml, line {line}\). Did you mean 'seed'\?"):
        load_resolved(path, schemas=schemas)
    with pytest.raises(UserError, match=r"Cannot read .*gone.yaml: No such file or directory\."):
        load_resolved(tmp_path / "gone.yaml", schemas=schemas)


def test_folder_that_cannot_be_written(load, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"Cannot write .*config.yaml: "):
        save_config(load("demo"), tmp_path / "file" / "config.yaml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(load, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match=r"Cannot write .*config.yaml: Permission denied\."):
        save_config(load("demo"), tmp_path / "config.yaml")


def test_hash_follows_what_is_computed(load, write):
    plain = config_hash(load("finetune/k400"))
    assert len(plain) == 12
    assert config_hash(load("finetune/k400")) == plain
    changes = ["seed=1", "optimizer.lr=1e-5", "data.name=kinetics600", "backbone.size=tiny", "trainer.devices=2"]
    assert len({plain, *(config_hash(load("finetune/k400", change)) for change in changes)}) == 1 + len(changes)
    assert config_hash(load("finetune/k400", mini=True)) != plain


@pytest.mark.parametrize(
    "argument",
    ["wandb.mode=online", "wandb.tags=[x]", "paths.data=/elsewhere", "data.root=/mnt", "trainer.log_every_n_steps=1"],
)
def test_hash_forgets_where_and_how_loudly(load, argument):
    assert config_hash(load("finetune/k400", argument)) == config_hash(load("finetune/k400"))


def test_hash_forgets_the_name(load, write):
    write("copy", "extends: [finetune/k400]\n")
    assert config_hash(load("copy")) == config_hash(load("finetune/k400"))


def test_folders_come_from_the_environment(load, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_DATA", "/mnt/videos")
    assert str(load("demo").paths.data) == "/mnt/videos"
    assert str(load("demo", "paths.data=/other").paths.data) == "/other"
