"""The page of all results: whole without a browser, and in one (slow; skipped where there is none)."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from internvideo_pl.run.results_report import write_results_report
from internvideo_pl.tables.drawing import to_svg
from internvideo_pl.tables.histogram import histogram
from internvideo_pl.tables.paper import paper
from internvideo_pl.tables.row import Coverage, write_row
from tests.tables.browser import Browser, find_browser
from tests.tables.rows import k400, make_row
from tests.tables.test_report import HOSTILE, Page

COUNT = 200
SHOTS = os.environ.get("INTERNVIDEO_SHOTS")  # a folder, for who wants to look


def fill(results: Path, count: int) -> None:
    """Runs with logs, pictures, a confusion matrix, missing videos and names that are no good for HTML."""
    names = [name for name in paper().benchmarks if paper().benchmarks[name].headline == "top1"]
    picture = Image.effect_noise((600, 130), 60).convert("RGB")  # of which a page has room for all
    for i in range(count):
        folder = results / "finetune" / f"try{i % 20}" / f"{i:03d}"
        folder.mkdir(parents=True)
        words = {
            "experiment": f"finetune/try{i % 20}",
            "benchmark": names[i % len(names)],
            "model": HOSTILE if i == 7 else f"model {i % 9}",
            "seed": i,
            "recipe": f"r{i % 40}",
            "gpu_hours": i / 3,
            "coverage": Coverage(19000, 19877, (HOSTILE, "b")) if i % 10 == 3 else Coverage(19877, 19877),
            "mini": i % 4 == 0,
            "intervals": {"top1": (i / 4, i / 4 + 2)},
            "created": f"2026-01-{1 + i % 28:02d}T00:00:00+00:00",
        }
        write_row(k400(i / 4, **words), folder)
        (folder / "config.yaml").write_text(f"name: try\nnote: {HOSTILE}\n")
        steps = "".join(f"{step},{2 / (1 + step)},{0.01 * step},{0.02 * step}\n" for step in range(60))
        (folder / "metrics.csv").write_text("step,train/loss,gates/pair0,gates/pair1\n" + steps)
        (folder / "confusion.csv").write_text(f"true,given,videos\n{HOSTILE},b,3\nb,b,9\n".replace('"quotes"', "q"))
        picture.save(folder / "worst.png")
        (folder / "done.json").write_text(json.dumps({"previews": [{"path": "worst.png", "caption": HOSTILE}]}))


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    results = tmp_path_factory.mktemp("results")
    fill(results, 12)
    (results / "finetune" / "row-broken.json").write_text("{")
    trials = results / "sweeps" / "lr-mini" / "001"
    trials.mkdir(parents=True)
    (trials / "trials.csv").write_text("trial,optimizer.lr,test/top1\n1,0.1,50.5\n0,<b>,-\n")
    write_row(make_row(experiment="a trial"), trials / "trials" / "0000" / "run")
    return write_results_report(results)


def test_the_page_is_whole_and_needs_nothing(report):
    parsed = Page(report.read_text())
    assert parsed.all("link") == []
    targets = [value for _, attributes in parsed.tags for name, value in attributes.items() if name in ("src", "href")]
    assert all(target.startswith(("data:image/", "#")) for target in targets)
    assert len(parsed.all("template")) == 12
    names = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(names) == len(set(names))
    assert {button["data-opens"] for button in parsed.all("button") if "data-opens" in button} <= set(names)


def test_hostile_text_stays_text(report):
    text = report.read_text()
    assert text.count("<script>") == 1  # our own
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_every_run_is_told_of(report):
    text = report.read_text()
    for word in (
        "Protocol",
        "Coverage, lineage and cost",
        "Curves",
        "Configuration",
        "Confusion",
    ):
        assert text.count(f"<h3>{word}</h3>") == 12
    assert text.count("data:image/jpeg;base64,") == 12
    assert "Test videos that are missing" in text
    assert "row-broken.json was left out" in text


def test_sweeps_have_their_own_part_and_no_row(report):
    text = report.read_text()
    assert "sweeps/lr-mini/001" in text
    assert "a trial" not in text


def test_pictures_have_a_budget(tmp_path, monkeypatch):
    fill(tmp_path, 3)
    monkeypatch.setattr("internvideo_pl.run.results_report.BUDGET", 1)
    text = write_results_report(tmp_path).read_text()
    assert text.count("data:image/jpeg;base64,") == 1
    assert text.count("worst.png") == 2  # named instead


def test_drawings_stand_in_the_page_and_damaged_pictures_are_named(tmp_path):
    fill(tmp_path, 1)
    (folder,) = [path.parent for path in tmp_path.rglob("worst.png")]
    drawn = to_svg(histogram({"known": [0.1, 0.4], "unknown": [0.3, 0.9]}, "uncertainty"))
    (folder / "uncertainty.svg").write_text(drawn)
    (folder / "evil.svg").write_text(drawn.replace("</svg>", "<script>alert(1)</script></svg>"))
    (folder / "a.png").write_bytes(b"no picture")
    (folder / "energy.svg").write_text(drawn)  # which the run has not noted
    (folder / "curves_train.svg").write_text(drawn)  # drawn from the log
    names = ("a.png", "worst.png", "uncertainty.svg", "evil.svg", "gone.png")
    (folder / "done.json").write_text(json.dumps({"previews": [{"path": name, "caption": name} for name in names]}))
    text = write_results_report(tmp_path).read_text()
    assert text.count("How uncertainty is spread over known and unknown videos") == 2
    assert "<h3>Drawings</h3>" in text
    assert text.count("data:image/jpeg;base64,") == 1
    left = text[text.index("More pictures") :]
    assert left.index("a.png (damaged)") < left.index("evil.svg (damaged)")
    assert "worst.png" not in left
    assert "alert(1)" not in text.replace(HOSTILE, "")


def test_a_digit_that_is_no_number_is_a_word(tmp_path):
    fill(tmp_path, 1)
    (path,) = tmp_path.rglob("confusion.csv")
    path.write_text("true,given,videos\na,b,\u00b2\n")
    assert "\u00b2" in write_results_report(tmp_path).read_text()


def test_cost_counts_a_run_once(tmp_path):
    rows = [k400(1.0, gpu_hours=100.0, kwh=7.0, seed=seed, task=task) for seed in (0, 1) for task in ("a", "b")]
    for row in rows:
        write_row(row, tmp_path / f"{row.seed:03d}")
    text = write_results_report(tmp_path).read_text()
    card = text[text.index("<dt>GPU hours</dt>") :][:200]
    assert ">200.0<" in card
    assert "14.00 kWh" in card


def test_missing_videos_show_their_bounds(tmp_path):
    metrics = {"top1": 91.0, "top1/low": 45.5, "top1/high": 95.5}
    write_row(k400(91.0, metrics=metrics, coverage=Coverage(9938, 19877)), tmp_path / "run")
    text = write_results_report(tmp_path).read_text()
    results = text[text.index('<section id="results') :]
    assert 'data-sort="91.0">91.00 [45.5, 95.5]</td>' in results


def test_two_at_once_write_under_names_of_their_own(tmp_path, monkeypatch):
    """The other's half-written page is left alone."""
    (tmp_path / ".report.html.tmp").write_text("the other's")
    write_results_report(tmp_path)
    assert (tmp_path / ".report.html.tmp").read_text() == "the other's"
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda path, target: (seen.append(path.name), replace(path, target))[1])
    write_results_report(tmp_path)
    assert seen == [f".report.html.{os.getpid()}.tmp"]


def test_no_results_are_a_page_too(tmp_path):
    assert "No run has written a row yet" in write_results_report(tmp_path).read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium here: apt install chromium")
    opened = Browser(program, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.slow
def test_in_a_browser(browser, tmp_path):
    fill(tmp_path, COUNT)
    path = write_results_report(tmp_path)
    browser.screen(1280, 900)
    seconds = min(browser.open(path) for _ in range(3))
    assert seconds < 1, f"{seconds:.2f} s for {path.stat().st_size / 1e6:.1f} MB"

    table = "document.querySelector('section[id^=results] figure.sortable')"
    column = f"[...{table}.querySelectorAll('thead th')].findIndex(h => h.textContent === 'ours')"
    head = f"{table}.querySelectorAll('thead button')[{column}]"
    shown = f"[...{table}.querySelector('tbody').rows].filter(r => !r.hidden && r.className !== 'under')"
    values = f"{shown}.map(r => Number(r.cells[{column}].textContent))"
    assert browser.js(f"{shown}.length") == COUNT

    browser.js(f"{head}.click()")
    assert browser.js(values) == sorted(browser.js(values), reverse=True)
    browser.js(f"{head}.focus()")
    browser.key("Enter", 13, "\r")  # the keyboard does what the mouse does
    assert browser.js(values) == sorted(browser.js(values))
    assert browser.js(f"{head}.closest('th').ariaSort") == "ascending"

    choose = "s => {s.value = VALUE; s.dispatchEvent(new Event('input'))}"
    browser.js(f"({choose.replace('VALUE', repr('miniature'))})({table}.querySelectorAll('select')[2])")
    assert browser.js(f"{shown}.length") == COUNT // 4
    assert browser.js(f"{table}.querySelector('.count').textContent") == f"{COUNT // 4} of {COUNT} rows"
    browser.js(f"({choose.replace('VALUE', repr('try4 model'))})({table}.querySelector('input'))")
    assert browser.js(f"{shown}.every(r => r.textContent.includes('try4'))")
    assert 0 < browser.js(f"{shown}.length") < COUNT // 4

    browser.js(f"{shown}[0].querySelector('.open').focus()")
    browser.key("Enter", 13, "\r")
    under = f"{table}.querySelector('tr.under')"
    assert browser.js(f"{under}.textContent.includes('Configuration')")
    assert browser.js(f"{under}.querySelectorAll('svg').length") >= 2
    assert browser.js(f"{under}.querySelector('img').naturalWidth") > 0
    assert browser.js(f"{shown}[0].querySelector('.open').ariaExpanded") == "true"
    for name, size in {"light": (1280, 900, False), "dark": (1280, 900, True), "phone": (390, 800, False)}.items():
        browser.screen(*size, mobile=name == "phone")
        assert browser.js("document.documentElement.scrollWidth <= window.innerWidth"), name
        look(browser, name, "scrollTo(0, 0)")
        look(browser, f"{name}-row", f"{table}.scrollIntoView()")
    browser.js(f"{shown}[0].querySelector('.open').click()")
    assert browser.js(f"{under} === null")
    assert browser.console == []


def look(browser: Browser, name: str, place: str) -> None:
    """Keep a screenshot where one is asked for."""
    browser.js(place)
    if SHOTS:
        Path(SHOTS).mkdir(exist_ok=True)
        browser.shot(Path(SHOTS) / f"{name}.png")
