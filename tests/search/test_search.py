"""Search in a folder of videos: each content once, times of windows, what a stopped run goes on from, mistakes."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from internvideo_pl.__main__ import main
from internvideo_pl.errors import UserError
from internvideo_pl.models import load
from internvideo_pl.search import embed as embedding
from internvideo_pl.search.embed import embed
from internvideo_pl.search.index import Index
from internvideo_pl.search.page import Found, clock, thumbnail, write_page
from internvideo_pl.search.store import Embedded, Store, key_of
from internvideo_pl.search.windows import read_windows, windows_of
from internvideo_pl.video.faults import DecodeError
from tests.data.clips import write_video


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return load("multimodal_tiny", fresh=True)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    (folder / "deeper").mkdir(parents=True)
    write_video(folder / "a.mp4", frames=20)
    write_video(folder / "b & <b>.mkv", frames=30)
    write_video(folder / "deeper" / "long.mp4", frames=120)
    shutil.copy(folder / "a.mp4", folder / "deeper" / "again.mp4")
    (folder / "broken.mp4").write_bytes(b"not a video at all")
    return folder


def search(capsys, *words: str) -> tuple[int, str, str]:
    code = main(["search", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


# --- windows ------------------------------------------------------------------------------------------------------


def test_windows_cover_a_video_and_a_short_rest_belongs_to_the_one_before(videos):
    path = str(videos / "deeper" / "long.mp4")
    times = embedding_times(path)
    length = times[-1] + times[-1] - times[-2]
    for seconds in (length, length / 3, length / 3.4, length / 3.6, length * 10):
        windows = windows_of(path, seconds)
        assert len(windows) == max(round(length / seconds), 1)
        assert (windows[0].first, windows[-1].last) == (0, len(times))
        assert windows[-1].end == pytest.approx(length)
        for one, following in pairwise(windows):
            assert (one.last, one.end) == (following.first, following.start)
            assert one.end - one.start == pytest.approx(seconds)
            assert times[one.first] == pytest.approx(one.start, abs=1.5 * (times[1] - times[0]))


def embedding_times(path: str) -> np.ndarray:
    from internvideo_pl.video.sources import open_source

    return open_source(path).times()


def test_a_whole_video_as_one_window_is_what_the_model_itself_reads(model, videos):
    path = str(videos / "a.mp4")
    (clip,) = read_windows(path, windows_of(path, 1000), model.config.reading)
    assert torch.equal(clip, model.config.reading.clip(path))


# --- embedding ----------------------------------------------------------------------------------------------------


def test_each_content_is_embedded_once_and_equals_the_models_own_vectors(model, videos, tmp_path, monkeypatch):
    from internvideo_pl.video.sources import find_sources

    store = Store(tmp_path / "cache", key_of(model, 1000.0))
    found = embed(model, find_sources(videos), store, 1000.0)
    assert [Path(fault.path).name for fault in found.faults] == ["broken.mp4"]
    names = [[Path(file).name for file in files] for files in found.copies.values()]
    assert names == [["a.mp4", "again.mp4"], ["b & <b>.mkv"], ["long.mp4"]]
    for content, files in found.copies.items():
        own = F.normalize(model.encode_video(files[0]), dim=-1).numpy()
        np.testing.assert_allclose(store.get(content).vectors, own, atol=1e-5)

    def fail(*_):
        raise AssertionError("embedded again")

    monkeypatch.setattr(embedding, "read_windows", fail)
    (videos / "a.mp4").rename(videos / "renamed.mp4")
    renamed = embed(model, find_sources(videos), Store(tmp_path / "cache", key_of(model, 1000.0)), 1000.0)
    assert renamed.copies.keys() == found.copies.keys()


def test_windows_of_a_long_video_are_encoded_in_parts_with_their_times(model, videos, tmp_path, monkeypatch):
    path = str(videos / "deeper" / "long.mp4")
    monkeypatch.setattr(embedding, "PART", 2)
    windows = windows_of(path, 0.7)
    assert len(windows) > 4
    store = Store(tmp_path / "cache", "k")
    (content,) = embed(model, [path], store, 0.7).copies
    kept = store.get(content)
    np.testing.assert_allclose(kept.times, [(window.start, window.end) for window in windows], rtol=1e-6)
    clips = read_windows(path, windows, model.config.reading)
    whole = load("multimodal_tiny", fresh=True)
    whole.network.load_state_dict(model.network.state_dict())
    own = torch.cat([whole.network.encode_video(whole.network.input.prepare(clip[None])) for clip in clips])
    np.testing.assert_allclose(kept.vectors, F.normalize(own, dim=-1).detach().numpy(), atol=1e-5)


def test_a_run_that_was_stopped_goes_on_and_a_damaged_file_is_made_again(model, videos, tmp_path, monkeypatch):
    from internvideo_pl.video.sources import find_sources

    locations = [path for path in find_sources(videos) if "broken" not in path]
    store, real, read = Store(tmp_path / "cache", "k"), embedding.read_windows, []

    def stop(location, *rest):
        if "long" in location and "long" not in read:
            read.append("long")
            raise KeyboardInterrupt
        read.append(Path(location).name)
        return real(location, *rest)

    monkeypatch.setattr(embedding, "read_windows", stop)
    monkeypatch.setattr(embedding, "READERS", 1)
    with pytest.raises(KeyboardInterrupt):
        embed(model, locations, store, 1000.0)
    assert len(list((tmp_path / "cache").glob("k/*/*.npz"))) == 2
    read.clear()
    read.append("long")
    found = embed(model, locations, store, 1000.0)
    assert read == ["long", "long.mp4"]
    next((tmp_path / "cache").glob("k/*/*.npz")).write_bytes(b"half")
    embed(model, locations, store, 1000.0)
    assert len(read) == 3
    assert all(store.get(content) is not None for content in found.copies)


def test_a_part_that_cannot_be_read_takes_its_whole_video_along(model, videos, tmp_path, monkeypatch):
    path, real = str(videos / "deeper" / "long.mp4"), embedding.read_windows

    def damaged(location, windows, reading):
        if "long" in location and windows[0].start > 0:
            raise DecodeError(location, "is torn")
        return real(location, windows, reading)

    monkeypatch.setattr(embedding, "PART", 2)
    monkeypatch.setattr(embedding, "read_windows", damaged)
    store = Store(tmp_path / "cache", "k")
    found = embed(model, [path, str(videos / "a.mp4")], store, 0.7)
    assert [fault.reason for fault in found.faults] == ["is torn"]
    assert list(found.copies.values()) == [[str(videos / "a.mp4")]]
    assert len(list((tmp_path / "cache").glob("k/*/*.npz"))) == 1


def test_another_model_or_window_has_another_key(model):
    torch.manual_seed(1)
    other = load("multimodal_tiny", fresh=True)
    assert len({key_of(model, 10.0), key_of(model, 5.0), key_of(other, 10.0)}) == 3
    assert key_of(model, 10.0) == key_of(model, 10.0)


# --- index --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [1, 5, 60, 100])
def test_the_index_equals_a_slow_search_ties_included(top):
    generator = np.random.default_rng(0)
    kinds = generator.integers(-1, 2, (5, 4)).astype(np.float32)  # few kinds: many scores are equal, exactly
    videos = []
    for _ in range(60):
        count = int(generator.integers(1, 6))
        times = np.stack([np.arange(count), np.arange(count) + 1], axis=1).astype(np.float32)
        videos.append(Embedded(kinds[generator.integers(5, size=count)], times))
    query = np.array([1, 2, -1, 0.5], np.float32)
    slow = []
    for number, video in enumerate(videos):
        scores = [float(vector @ query) for vector in video.vectors]
        best = max(range(len(scores)), key=lambda i: (scores[i], -i))
        slow.append((-scores[best], number, float(best)))
    hits = Index(videos).search(query, top)
    assert [(-hit.score, hit.video, hit.start) for hit in hits] == sorted(slow)[:top]


# --- page and command ---------------------------------------------------------------------------------------------


def test_the_command_prints_lines_and_writes_a_page_that_escapes_names(videos, saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    page = tmp_path / "out" / "page.html"
    words = ["<i>dog</i> 🐕", "--videos", str(videos), "--model", str(saved), "--to", str(page)]
    code, out, _ = search(capsys, *words)
    assert code == 0
    assert "3 videos in" in out
    assert "unreadable" in out
    assert "(and 1 with the same content)" in out
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 3
    assert "b &amp; &lt;b&gt;.mkv" in text
    assert "&lt;i&gt;dog&lt;/i&gt; 🐕" in text
    assert "<b>" not in text
    code, out, err = search(capsys, *words, "another", "--json", "--top", "2", "--window", "1")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert [answer["query"] for answer in found["answers"]] == [words[0], "another"]
    assert [len(answer["hits"]) for answer in found["answers"]] == [2, 2]
    assert found["videos"] == 3
    assert found["clips"] > 3
    assert [Path(fault["file"]).name for fault in found["unreadable"]] == ["broken.mp4"]
    hit = found["answers"][0]["hits"][0]
    assert hit.keys() == {"rank", "file", "start", "end", "score", "copies"}
    assert 0 <= hit["start"] < hit["end"]


def test_a_video_that_is_gone_has_no_thumbnail(tmp_path):
    hit = Index([Embedded(np.ones((1, 2), np.float32), np.array([[0, 1]], np.float32))]).search(np.ones(2), 1)[0]
    assert thumbnail(Found(hit, str(tmp_path / "gone.mp4"))) is None
    page = write_page(tmp_path / "page.html", [("query", [Found(hit, str(tmp_path / "gone.mp4"))])], "note")
    assert "gone.mp4" in page.read_text()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--to"):
        write_page(tmp_path / "file" / "page.html", [], "note")


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (64.6, "1:05"), (3723, "1:02:03")])
def test_clock(seconds, said):
    assert clock(seconds) == said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([" "], "search for what?"),
        (["dog", "--model", ""], "with which model?"),
        (["dog", "--top", "0"], "--top 0 must be at least 1"),
        (["dog", "--window", "0"], "--window 0 a number of seconds above 0"),
        (["dog", "--window", "nan"], "above 0"),
        (["dog", "--videos", "/does/not/exist"], "There is no folder '/does/not/exist'"),
        (["dog", "--model", "internvideo_mm_l41"], "Did you mean 'internvideo_mm_l14'?"),
        (["dog", "--model", "MASKED"], "cannot encode_text: models with a text tower can"),
    ],
)
def test_mistakes_are_one_sentence(videos, saved, tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    if words[-1] == "MASKED":
        load("masked_tiny", fresh=True).save_pretrained(tmp_path / "masked")
        words = [*words[:-1], str(tmp_path / "masked")]
    code, _, err = search(capsys, "--videos", str(videos), "--model", str(saved), *words)
    assert code == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_a_folder_without_a_readable_video(saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "a.mp4").write_bytes(b"nothing")
    code, _, err = search(capsys, "dog", "--videos", str(tmp_path / "v"), "--model", str(saved))
    assert code == 2
    assert "none of the videos in" in err
