"""The command line: one sentence and exit code 2 for a person's mistake, at once and without heavy imports."""

import importlib
import subprocess
import sys
from types import SimpleNamespace

import pytest

import internvideo_pl
from internvideo_pl.__main__ import COMMANDS, main
from internvideo_pl.errors import Interrupted, RunFailed, UserError


@pytest.fixture
def runs(monkeypatch):
    """Stands for the composition root: notes what `run` was called with, and raises what `problem` holds."""
    noted = SimpleNamespace(calls=[], meetings=[], problem=None)

    def fake(name, overrides, **options):
        noted.meetings.append(options.pop("meeting"))
        noted.calls.append((name, overrides, options))
        if noted.problem:
            raise noted.problem

    importlib.import_module(
        "internvideo_pl.run.launch"
    )  # under the stand-in, which is no package, it would not be found
    module = SimpleNamespace(main=fake)
    monkeypatch.setitem(sys.modules, "internvideo_pl.run", module)
    monkeypatch.setattr(internvideo_pl, "run", module, raising=False)
    return noted


def test_run_hands_everything_on(runs):
    assert main(["run", "demo", "a.b=1", "~c.d"]) == 0
    assert main(["run", "demo", "--mini", "a=b=c", "--data", "/videos", "x=[1, 2]"]) == 0
    assert main(["run", "--gpus", "8", "--nodes", "2", "demo"]) == 0
    assert main(["run", "demo", "--fresh"]) == 0
    assert main(["run", "demo", "--node-rank", "1", "--master", "host:1"]) == 0
    assert runs.calls == [
        ("demo", ["a.b=1", "~c.d"], {"mini": False, "data": None}),
        ("demo", ["a=b=c", "x=[1, 2]"], {"mini": True, "data": "/videos"}),
        (
            "demo",
            ["trainer.accelerator=gpu", "trainer.devices=8", "trainer.num_nodes=2"],
            {"mini": False, "data": None},
        ),
        ("demo", ["trainer.resume=false"], {"mini": False, "data": None}),
        ("demo", [], {"mini": False, "data": None}),
    ]
    assert [(meeting.node, meeting.master) for meeting in runs.meetings] == [(0, "")] * 4 + [(1, "host:1")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: COMMAND; see `internvideo --help`."),
        (["rnu"], "There is no command 'rnu'. Did you mean 'run'?"),
        (["run"], "Which experiment? Name one, as in `internvideo run demo` (`internvideo list` prints all)."),
        (
            ["run", "demo", "--gpus", "many"],
            "argument --gpus: invalid int value: 'many'; see `internvideo run --help`.",
        ),
        (["run", "demo", "--min"], "unrecognized arguments: --min; see `internvideo run --help`."),
        (["list", "--jsn"], "unrecognized arguments: --jsn; see `internvideo list --help`."),
    ],
)
def test_mistyped_command(capsys, arguments, sentence):
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"internvideo: {sentence}\n")


def test_mistake_is_one_sentence(runs, capsys):
    runs.problem = UserError("There is no experiment 'demmo'. Did you mean 'demo'?")
    assert main(["run", "demmo"]) == 2
    assert capsys.readouterr().err == "internvideo: There is no experiment 'demmo'. Did you mean 'demo'?\n"


@pytest.mark.parametrize(
    ("problem", "code"),
    [(RunFailed("the loss is not finite"), 1), (Interrupted(15, "stopped"), 143), (Interrupted(2), 130)],
)
def test_a_run_that_ends_early_is_one_line_with_its_code(runs, capsys, problem, code):
    runs.problem = problem
    assert main(["run", "demo"]) == code
    assert capsys.readouterr().err == f"internvideo: {problem}\n"


def test_interrupt_is_one_line(runs, capsys):
    runs.problem = KeyboardInterrupt()
    assert main(["run", "demo"]) == 130
    assert capsys.readouterr().err == "internvideo: interrupted.\n"


def test_fault_of_the_program_keeps_its_traceback(runs):
    runs.problem = ValueError("not the person's mistake")
    with pytest.raises(ValueError, match="not the person's mistake"):
        main(["run", "demo"])


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_needs_nothing_heavy(command):
    code = f"""
import sys
from internvideo_pl.__main__ import main
try:
    main({[command, "--help"] if command else ["--help"]})
except SystemExit as end:
    assert end.code == 0
heavy = {{"torch", "lightning", "omegaconf", "av", "transformers", "wandb"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: internvideo")


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"  {word}" in shown and command.summary in shown for word, command in COMMANDS.items())


def test_reader_that_stops_early_is_no_error():
    code = (
        "import sys\nfrom internvideo_pl import __main__ as m\nm.COMMANDS['list'] = m.Command('', lambda parser: None, "
    )
    code += "lambda chosen: print('line\\n' * 100000))\nsys.exit(m.main(['list']))"
    command = f"'{sys.executable}' -c \"$CODE\" | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env={"CODE": code, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "line\n", "")
