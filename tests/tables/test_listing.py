import json

from internvideo_pl.tables.listing import Entry, listing, listing_json
from tests.tables.rows import k400, make_row

ENTRIES = [
    Entry("pretrain/own_videos", None, True, "masked_pretraining"),
    Entry("finetune/msrvtt", "msrvtt_ret", True),
    Entry("finetune/k400", "k400", False),
]


def ours(rows):
    return {record["name"]: record["ours"] for record in json.loads(listing_json(ENTRIES, rows))}["finetune/k400"]


def shown(rows):
    return {row[0].text: row[5].text for row in listing(ENTRIES, rows).rows}


def test_json_has_the_agreed_keys_in_the_papers_order():
    records = json.loads(listing_json(ENTRIES, []))
    assert records == [
        {
            "name": "finetune/k400",
            "benchmark": "k400",
            "n": 1,
            "task": "recognition",
            "metric": "top1",
            "paper": 91.1,
            "ours": None,
            "data": False,
        },
        {
            "name": "finetune/msrvtt",
            "benchmark": "msrvtt_ret",
            "n": 15,
            "task": "retrieval",
            "metric": "R@1",
            "paper": 55.2,
            "ours": None,
            "data": True,
        },
        {
            "name": "pretrain/own_videos",
            "benchmark": None,
            "n": None,
            "task": "masked_pretraining",
            "metric": None,
            "paper": None,
            "ours": None,
            "data": True,
        },
    ]


def test_ours_is_the_best_comparable_row_of_the_experiment():
    assert ours([k400(85.0), k400(88.0, seed=1), k400(95.0, experiment="finetune/other")]) == 88.0
    assert ours([k400(85.0), k400(99.0, protocol={"split": "train"})]) == 85.0
    assert ours([k400(85.0), k400(99.0, mini=True)]) == 85.0


def test_a_miniature_is_shown_as_one_and_never_counts():
    rows = [k400(61.0, mini=True)]
    assert ours(rows) is None
    assert shown(rows)["finetune/k400"] == "mini 61.0"


def test_rows_without_a_benchmark_are_ranked_only_if_alike():
    alike = [make_row(experiment="pretrain/own_videos", metrics={"top1": top1}) for top1 in (50.0, 60.0)]
    assert shown(alike)["pretrain/own_videos"] == "mini 60.0"
    unlike = [*alike, make_row(experiment="pretrain/own_videos", task="retrieval")]
    assert shown(unlike)["pretrain/own_videos"] == "3 rows"


def test_table_says_where_the_data_are_and_how_to_go_without():
    table = listing(ENTRIES, [], notes=["row-x.json was left out."])
    assert [row[-1].text for row in table.rows] == ["not here", "here", "here"]
    assert "MINI=1" in table.notes[0]
    assert table.notes[-1] == "row-x.json was left out."
    assert table.rows[2][2].text == "masked pretraining"


def test_nothing_to_list():
    assert listing([], []).rows == []
    assert json.loads(listing_json([], [])) == []
