"""A table as LaTeX, in the style of the `booktabs` package."""

from internvideo_pl.tables.table import Cell, Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def to_latex(table: Table) -> str:
    r"""A `table` environment with its title as caption; the best of a kind in bold, notes under the rules.

    Needs `\usepackage{booktabs}`.
    """
    layout = "".join("r" if column.number else "l" for column in table.columns)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_escape(table.title)}}}",
        rf"  \begin{{tabular}}{{{layout}}}",
        r"    \toprule",
        _line([_escape(column.name) for column in table.columns]),
        r"    \midrule",
        *(_line([_cell(cell) for cell in row]) for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        *(rf"  \par\footnotesize {_escape(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"    {' & '.join(cells)} " + r"\\"


def _cell(cell: Cell) -> str:
    return rf"\textbf{{{_escape(cell.text)}}}" if cell.best else _escape(cell.text)


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)
