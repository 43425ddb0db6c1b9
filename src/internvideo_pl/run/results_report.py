"""`results/report.html`: every row with its run, the paper's tables and claims, overview and sweeps, on one page."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import DONE, REPORT
from internvideo_pl.tables.claims import TONES
from internvideo_pl.tables.comparable import reproduced
from internvideo_pl.tables.curves import Curve, run_curves
from internvideo_pl.tables.figures import figures
from internvideo_pl.tables.printed import TITLES, printed_table
from internvideo_pl.tables.results_page import ResultsPage, RunView, results_page
from internvideo_pl.tables.row import SWEEPS, Row, find_rows
from internvideo_pl.tables.safe_svg import safe_svg
from internvideo_pl.tables.sections import (
    CurvesSection,
    FactsSection,
    Picture,
    PictureSection,
    Section,
    TableSection,
    TextSection,
)
from internvideo_pl.tables.table import Cell, Column, Table, number
from internvideo_pl.whole_file import write_whole

WIDEST, QUALITY = 1100, 78  # of embedded pictures, as JPEG
CLAIMS = Path("claims", "claims.csv")
BUDGET = 12_000_000  # bytes of pictures in the page; what comes after it is named, not shown


def write_results_report(results: Path) -> Path:
    """Write the page from what lies below `results`.

    Raises:
        UserError: It cannot be written.
    """
    found, problems = find_rows(results)
    rows = [row for _, row in found]
    pictures = _Pictures()
    content = ResultsPage(
        runs=[_view(path.parent, row, results, pictures) for path, row in reversed(found)],
        tables={name: printed_table(name, rows) for name in TITLES},
        figures=figures(rows),
        sweeps=dict(_sweeps(results, pictures)),
        claims=_claims(results),
        problems=problems,
        agreeing=reproduced(rows),
    )
    path = results / REPORT
    try:
        write_whole(path, results_page(content))
    except OSError as error:
        raise UserError(f"The report {path} cannot be written ({error.strerror}); choose another folder.") from error
    return path


class _Pictures:
    """Pictures made small enough for a page, and drawings, as long as there is room."""

    def __init__(self) -> None:
        self.room = BUDGET

    def section(self, title: str, shown: Sequence[tuple[Path, str]]) -> list[Section]:
        """Sections of pictures and of drawings, and the sentence that says where those are that are not shown."""
        taken: list[Picture] = []
        drawn: list[Curve] = []
        left: list[str] = []
        for path, caption in shown:
            if not path.is_file():
                continue
            full = self.room <= 0
            if not full and path.suffix == ".svg" and (drawing := self._drawing(path)):
                drawn.append(Curve(path.stem.replace("_", " "), drawing, caption))
            elif not full and path.suffix != ".svg" and (content := self._read(path)):
                taken.append(Picture(content, caption, caption))
            else:
                left.append(str(path) if full else f"{path} (damaged)")
        sections: list[Section] = [PictureSection(title, taken)] if taken else []
        if drawn:
            sections.append(CurvesSection("Drawings", drawn))
        if left:
            sections.append(TextSection("More pictures", "\n\n".join(left)))
        return sections

    def _drawing(self, path: Path) -> str | None:
        """The SVG, of nothing but shapes and words; None where it is none of ours."""
        try:
            drawing = safe_svg(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        self.room -= len(drawing or "")
        return drawing

    def _read(self, path: Path) -> bytes | None:
        """The picture's bytes; None where it is none."""
        try:
            with Image.open(path) as picture:
                small = picture.convert("RGB")
            if small.width > WIDEST:
                small = small.resize((WIDEST, max(round(small.height * WIDEST / small.width), 1)))
            out = io.BytesIO()
            small.save(out, format="JPEG", quality=QUALITY)
        except (OSError, ValueError, Image.DecompressionBombError):
            return None  # a damaged picture takes nothing from the page; the run's folder has what there is
        self.room -= len(out.getvalue())
        return out.getvalue()


def _view(folder: Path, row: Row, results: Path, pictures: _Pictures) -> RunView:
    where = str(folder.relative_to(results))
    sections: list[Section] = [FactsSection("Protocol", _words(row.protocol)), _facts(row)]
    sections.append(TableSection("Figures", _metrics(row)))
    if not row.coverage.complete:
        sections.append(TextSection("Test videos that are missing", "\n".join(row.coverage.missing), code=True))
    curves = run_curves(folder / "metrics.csv")
    if curves:
        sections.append(CurvesSection("Curves", curves))
    sections += pictures.section("Pictures", _previews(folder))
    confusion = _confusion(folder / "confusion.csv")
    if confusion is not None:
        sections.append(TableSection("Confusion", confusion))
    config = folder / "config.yaml"
    if config.is_file():
        sections.append(TextSection("Configuration", config.read_text(encoding="utf-8", errors="replace"), code=True))
    return RunView(row, where, sections)


def _facts(row: Row) -> FactsSection:
    cover = row.coverage
    facts = {
        "fingerprint": row.fingerprint,
        "test videos": f"{cover.used:,} of {cover.official:,}",
        "seed": str(row.seed),
        "config": row.config_hash,
        "code": row.code_version,
        "devices": row.devices,
        "seconds": f"{row.seconds:,.0f}",
        "GPU hours": f"{row.gpu_hours:,.3f}",
        "kWh": "-" if row.kwh is None else f"{row.kwh:.4f}",
        "energy by": row.kwh_source,
        "kg CO2": "-" if row.kg_co2 is None else f"{row.kg_co2:.4f}",
        **{f"started from {role}": digest[:16] for role, digest in row.parents.items()},
        **row.versions,
    }
    return FactsSection("Coverage, lineage and cost", facts)


def _metrics(row: Row) -> Table:
    heads = [Column("metric"), *(Column(name, number=True) for name in ("value", "low", "high", "chance"))]
    lines = []
    for name, value in row.metrics.items():
        low, high = row.intervals.get(name, (None, None))
        lines.append([Cell(name), number(value, 2), number(low, 2), number(high, 2), number(row.chance.get(name), 2)])
    return Table("Figures", heads, lines, ["low and high: the ends of the 95 % interval over test videos"])


def _words(protocol: dict[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in protocol.items()}


def _previews(folder: Path) -> list[tuple[Path, str]]:
    """The run's pictures with their captions, as it noted them, and other drawings than curves."""
    shown: dict[str, str] = {}
    try:
        noted = json.loads((folder / DONE).read_text(encoding="utf-8"))["previews"]
        shown = {Path(str(each["path"])).name: str(each["caption"]) for each in noted}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a run that did not come to its end
    for path in sorted(folder.glob("*.svg")):
        if not path.name.startswith("curves_"):
            shown.setdefault(path.name, path.stem.replace("_", " "))
    return [(folder / name, caption) for name, caption in shown.items()]


def _confusion(path: Path) -> Table | None:
    """The pairs of classes that were taken for each other most often."""
    lines = _read_csv(path)
    if len(lines) < 2:
        return None
    heads = [Column(name, number=name == "videos") for name in lines[0]]
    cells = [[Cell(text, raw=float(text)) if text.isdecimal() else Cell(text) for text in line] for line in lines[1:]]
    if any(len(line) != len(heads) for line in cells):
        return None
    wrong = [line for line in cells if line[0].text != line[1].text]
    wrong.sort(key=lambda line: -(line[-1].raw or 0))
    return Table("Most frequent confusions", heads, wrong[:20])


def _sweeps(results: Path, pictures: _Pictures) -> Iterable[tuple[str, Sequence[Section]]]:
    """Every sweep's table and pictures."""
    for path in sorted((results / SWEEPS).glob("*/*/trials.csv")):
        name = str(path.parent.relative_to(results))
        table = _read_table(path, name)
        if table is None:
            continue
        shown = [(path.with_name(f"{each}.png"), f"{each} of {name}") for each in ("parallel", "importance")]
        yield name, [TableSection("Trials", table), *pictures.section("Pictures", shown)]


def _claims(results: Path) -> Table | None:
    """The paper's claims in miniature, as they were last judged."""
    return _read_table(results / CLAIMS, "The paper's claims in miniature")


def _read_table(path: Path, title: str) -> Table | None:
    """A table that was written as CSV; None where there is none. Columns of nothing but numbers are set as such."""
    lines = _read_csv(path)
    if len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
        return None
    cells = [[_number_or_words(text) for text in line] for line in lines[1:]]
    numbers = [all(line[i].raw is not None or line[i].text == "-" for line in cells) for i in range(len(lines[0]))]
    return Table(title, list(map(Column, lines[0], numbers)), cells)


def _number_or_words(text: str) -> Cell:
    try:
        return Cell(f"{float(text):.4g}", raw=float(text))
    except ValueError:
        return Cell(text, tone=TONES.get(text, ""))


def _read_csv(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))
    except (OSError, ValueError, csv.Error):
        return []
