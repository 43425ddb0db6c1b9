"""Where machines meet, and what of a command's numbers is refused."""

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.run.launch import Meeting


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    for word in ("NODE_RANK", "SLURM_NODEID", "MASTER"):
        monkeypatch.delenv(word, raising=False)


def test_options_stand_above_the_environment(monkeypatch):
    assert Meeting.of(None, None) == Meeting(0, "")
    monkeypatch.setenv("SLURM_NODEID", "2")
    monkeypatch.setenv("MASTER", "a:1")
    assert Meeting.of(None, None) == Meeting(2, "a:1")
    monkeypatch.setenv("NODE_RANK", "3")
    assert Meeting.of(None, None) == Meeting(3, "a:1")
    assert Meeting.of(1, "b") == Meeting(1, "b")


def test_one_machine_meets_nobody():
    host, port = Meeting(5, "elsewhere:1").endpoint(1).split(":")
    assert (host, port.isdigit()) == ("127.0.0.1", True)


def test_several_meet_at_the_first():
    assert Meeting(1, "node0").endpoint(2) == "node0:29500"
    assert Meeting(1, "node0:7").endpoint(2) == "node0:7"


@pytest.mark.parametrize(
    ("meeting", "says"),
    [
        (Meeting(2, "a"), "must be 0 to 1"),
        (Meeting(0, ""), "2 machines have to meet"),
        (Meeting(0, "a:b"), "must be host or host:port"),
    ],
)
def test_mistakes_are_one_sentence(meeting, says):
    with pytest.raises(UserError, match=says):
        meeting.endpoint(2)


def test_a_number_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("NODE_RANK", "first")
    with pytest.raises(UserError, match="NODE_RANK=first must be the number"):
        Meeting.of(None, None)
