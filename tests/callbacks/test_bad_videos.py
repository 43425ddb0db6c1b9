"""What several processes found unreadable is one ledger."""

from types import SimpleNamespace

from internvideo_pl.callbacks import bad_videos
from internvideo_pl.callbacks.bad_videos import BadVideos
from internvideo_pl.video.faults import Ledger


def test_each_process_learns_what_the_others_found(tmp_path, monkeypatch):
    found = [{"a.mp4": "empty"}, {"b.mp4": "cut short"}]
    monkeypatch.setattr(bad_videos, "_everyones", lambda mine: [mine, *found])
    callback = BadVideos(Ledger(10, 0.5, {"c.mp4": "no stream"}), tmp_path)
    assert callback.state_dict() == {"faults": {"c.mp4": "no stream", "a.mp4": "empty", "b.mp4": "cut short"}}
    callback.teardown(SimpleNamespace(is_global_zero=False), None, "fit")
    assert not list(tmp_path.iterdir())
    callback.teardown(SimpleNamespace(is_global_zero=True), None, "fit")
    assert '"bad": 3' in (tmp_path / "bad_videos.json").read_text()


def test_a_process_alone_asks_nobody():
    assert bad_videos._everyones({"a": "b"}) == [{"a": "b"}]
