"""Plans: figures by hand, mistakes as sentences, and a plan beside the run that it foretold."""

import json
import re

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.errors import UserError
from internvideo_pl.run.plan import _board, _flop


def plan(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, str]:
    """What to how much, of a plan that is printed."""
    assert main(["plan", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {parts[0].strip(): parts[1] for line in lines if len(parts := re.split(r"\s{2,}", line.strip())) >= 2}


def test_kinetics_pretraining_on_eight_gpus(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "pretrain/masked_k400_base", "--gpu", "h200", "--gpus", "8", "--mfu", "0.3", "--price", "2")
    batch = int(found["global batch"].replace(",", ""))
    steps, clips = (int(found[name].replace(",", "")) for name in ("optimiser steps", "training clips an epoch"))
    assert batch == 1024
    assert clips == 246_534
    assert found["operations a clip"] == "200 GFLOP"
    hours = steps * batch * 0.2e12 / (0.3 * 989e12) / 3600
    assert float(found["device hours"]) == pytest.approx(hours, rel=0.01)
    assert float(found["hours"]) == pytest.approx(hours / 8, rel=0.01)
    assert float(found["price"]) == pytest.approx(2 * hours, rel=0.01)
    assert float(found["energy"].split()[0]) == pytest.approx(hours * 0.7 * 1.3, rel=0.01)


def test_a_batch_that_does_not_fit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "pretrain/masked_k400_base", "--gpu", "t4", "--gpus", "1", "data.batch_size=512"]
    assert main(words) == 0
    assert "512 do not" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pretrain/masked_k400_base", "--gpu", "h20"], "Did you mean 'h200'?"),
        (["pretrain/masked_k400_base", "--gpu", "h200", "--mfu", "30"], "MFU=30.0 is a share of the peak"),
        (["zeroshot/k400_base", "--gpu", "h200"], "trains nothing"),
        (["localize/thumos14", "--gpu", "h200"], "trains on features"),
        (["demo", "--gpu", "h200"], "plan one of its stages"),
        (["pretrain/masked_k40_base"], "Did you mean 'pretrain/masked_k400_base'?"),
    ],
)
def test_mistakes_are_sentences(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert sentence in shown.err
    assert "Traceback" not in shown.err


def test_words_for_boards_and_operations() -> None:
    assert _board("RTX-4090") == "RTX 4090"
    assert [_flop(n) for n in (2e9, 2.5e12, 3.94e19)] == ["2 GFLOP", "2.5 TFLOP", "39.4 EFLOP"]
    with pytest.raises(UserError):
        _board("")


@pytest.mark.slow
def test_a_measured_plan_foretells_the_run(tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    """The probe leaves reading and testing out; beside other work on the machine it may be off by as much again."""
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    words = ["pretrain/masked_k400_base", "--mini", "trainer.max_steps=100", "wandb.mode=disabled"]
    hours = float(plan(capsys, *words)["pace of a device"].split()[0])
    foretold = 100 * 64 / hours
    assert main(["run", *words, f"paths.run={tmp_path / 'run'}"]) == 0
    seconds = json.loads((tmp_path / "run" / "done.json").read_text())["seconds"]
    assert 0.4 * foretold < seconds < 3 * foretold + 30
