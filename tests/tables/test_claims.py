"""What several seeds say of a claim, on values that are made up."""

import csv
import io
import math

import pytest

from internvideo_pl.tables.claims import (
    CLAIMS,
    CONTRADICTED,
    NOT_RUN,
    SUPPORTED,
    UNDECIDED,
    Claim,
    Side,
    claims_table,
    judge,
    judge_all,
)
from internvideo_pl.tables.render import to_csv, to_markdown

UP = Claim("up", "a | b is better", "section 9", Side("a", "top1"), Side("b", "top1"))
DOWN = Claim("down", "less error", "section 9", Side("a", "mse"), Side("b", "mse"))


@pytest.mark.parametrize(
    ("claim", "pairs", "verdict"),
    [
        (UP, [(60, 50), (61, 50), (62, 50)], SUPPORTED),
        (UP, [(50, 60), (50, 61), (50, 62)], CONTRADICTED),
        (UP, [(60, 50), (50, 60), (55, 50)], UNDECIDED),
        (UP, [(90, 10)], UNDECIDED),  # one seed never decides
        (UP, [(90, 10), (math.nan, 10)], UNDECIDED),
        (UP, [], NOT_RUN),
        (DOWN, [(1.0, 2.0), (1.1, 2.0), (1.0, 2.1)], SUPPORTED),
        (DOWN, [(2.0, 1.0), (2.0, 1.1), (2.1, 1.0)], CONTRADICTED),
    ],
)
def test_the_verdict_is_where_the_interval_lies(claim, pairs, verdict):
    assert judge(claim, pairs).verdict == verdict


def test_differences_are_paired():
    """Seeds that move both sides alike take nothing from a small, steady gain."""
    steady = judge(UP, [(11, 10), (51, 50), (92, 90)])
    assert steady.difference == pytest.approx(4 / 3)
    deviation = math.sqrt(((1 - 4 / 3) ** 2 * 2 + (2 - 4 / 3) ** 2) / 2)
    half = 4.303 * deviation / math.sqrt(3)  # Student's t of two degrees of freedom
    assert steady.interval == pytest.approx((4 / 3 - half, 4 / 3 + half))
    assert judge(UP, [(11, 50), (51, 90), (92, 10)]).verdict == UNDECIDED


def test_only_seeds_of_both_sides_count():
    values = {("a", 0): 1.0, ("b", 0): 0.0, ("a", 1): 2.0, ("b", 2): 0.5}
    judged = judge_all(lambda side, seed: values.get((side.experiment, seed)), 3, [UP])
    assert judged[0].pairs == ((1.0, 0.0),)
    assert judged[0].interval is None


def test_the_table_says_what_was_found():
    table = claims_table([judge(UP, [(60, 50), (61, 50), (62, 50)]), judge(DOWN, [])])
    read = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert [line["verdict"] for line in read] == [SUPPORTED, NOT_RUN]
    assert float(read[0]["difference"]) == pytest.approx(11)
    assert read[0]["seeds"] == "3.0"
    assert r"a \| b is better" in to_markdown(table)
    assert [cell.text for cell in table.rows[1]][3:7] == ["-"] * 4


def test_claims_have_names_of_their_own_and_two_sides():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.better != claim.than for claim in CLAIMS)
