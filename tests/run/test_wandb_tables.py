import json

from PIL import Image

from internvideo_pl.run import tables
from internvideo_pl.tables.printed import TITLES
from internvideo_pl.tables.row import write_row
from tests.run.wandb_file import history, media
from tests.tables.rows import k400


def test_the_offline_file_holds_every_table_and_picture(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    write_row(k400(90.8), tmp_path / "run")
    for _ in range(2):  # the second writing replaces the first
        tables.main("all")
    folder = tmp_path / "tables"
    assert len(list(folder.glob("wandb/offline-run-*"))) == 1
    logged = history(folder)
    assert {f"tables/{name}" for name in TITLES} <= logged.keys()
    (overview,) = logged["tables/overview"]
    content = json.loads(media(folder, overview).read_text())
    line = next(dict(zip(content["columns"], row, strict=True)) for row in content["data"] if row[1] == "k400")
    assert (line["paper"], line["ours"], line["verdict"]) == (91.1, 90.8, "reproduced")
    (radar,) = logged["figures/radar"]
    assert Image.open(media(folder, radar)).size == Image.open(folder / "radar.png").size
