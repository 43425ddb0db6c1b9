"""MSVD, LSMDC, ActivityNet Captions, DiDeMo, VATEX and MSR-VTT's other protocols: traps, odd text, bad rows."""

import json
import pickle
from pathlib import Path

import pytest

from data_modules import DATASETS
from data_modules.activitynet_captions import read_activitynet_captions
from data_modules.didemo import read_didemo
from data_modules.lsmdc import LISTS, film_of, read_lsmdc
from data_modules.msrvtt import read_full, read_msrvtt
from data_modules.msvd import read_msvd
from data_modules.vatex import Vatex, read_vatex
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.captions import CaptionConfig, Captions, as_pairs
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError
from internvideo_pl.text.tokenizer import ClipTokenizer

ODD = ["🐕 läuft 👩‍👩‍👧", "كلب يركض", "word " * 500, "a\x00dog\x07\u2028runs", 'a "quoted', "a\tdog", "ＡＢＣ"]
CLIP = "0001_American_Beauty_00.00.51.926-00.00.54.129"


def files(root: Path, **content: object) -> Path:
    """Official files by name (double underscores for the dot), text as it is and anything else as JSON."""
    root.mkdir(exist_ok=True)
    for name, value in content.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (root / name.replace("__", ".")).write_text(text, encoding="utf-8", newline="")
    return root


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


# --- sentences ----------------------------------------------------------------------------------------------------


def test_odd_sentences_are_kept_and_become_tokens():
    captions = Captions(testing=False)
    for i, text in enumerate(ODD):
        captions.add("v", text, f"list, line {i + 1}")
    assert captions.of("v") == tuple(text.strip() for text in ODD)
    assert not captions.faults
    ids = ClipTokenizer(vocab_size=1024, context_length=32)([*captions.of("v"), ""])
    assert ids.shape == (len(ODD) + 1, 32)
    assert ids[-1].tolist()[:3] == [1022, 1023, 0]  # an empty query is its start and its end
    assert (ids.max(1).values == 1023).all()  # none loses its end
    found = Split([Sample("a.mp4", "v", texts=captions.of("v"))])
    assert found.samples[0].texts == captions.of("v")  # through the arrays of the index


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), (" \t\x00", "is empty"), ("a \udcff dog", "not UTF-8")])
def test_what_says_nothing_is_left_out_of_training_and_named_but_stays_a_query(text, says):
    training, testing = Captions(testing=False), Captions(testing=True)
    for captions in (training, testing):
        captions.add("v", text, "list.csv, line 7")
        captions.add("v", "a dog", "list.csv, line 8")
    assert training.of("v") == ("a dog",)
    ((_, fault),) = training.faults
    assert fault.path == "list.csv, line 7"
    assert says in fault.reason
    assert len(testing.of("v")) == 2
    testing.of("v")[0].encode()  # no half characters
    with pytest.raises(UserError, match=r"list.csv, line 9: the sentence of v is 3, not text"):
        testing.add("v", 3, "list.csv, line 9")


def test_a_video_without_any_sentence_counts_as_missing():
    captions = Captions(testing=False)
    captions.add("v", " ", "line 1")
    found = captions.split(["v"], lambda key: f"{key}.mp4", "source", "list")
    assert (found.missing, len(found.faults)) == (["v"], 1)
    with pytest.raises(UserError, match="source has no caption of w, which list lists"):
        captions.split(["w"], lambda key: key, "source", "list")


def test_pairs_are_an_entry_a_sentence():
    pairs = as_pairs(Split([Sample("a", "a", texts=("1", "2")), Sample("b", "b", texts=("3",))], ["c"]))
    assert [(sample.key, sample.texts) for sample in pairs.samples] == [("a", ("1",)), ("a", ("2",)), ("b", ("3",))]
    assert pairs.missing == ["c"]


@pytest.mark.parametrize("pairs", [False, True])
def test_only_training_is_in_pairs(tmp_path, pairs):
    entries = [{"videoID": name, "enCap": ["one", "two"]} for name in ("a", "b")]
    files(tmp_path, vatex_training_v1__0__json=entries, vatex_validation_v1__0__json=entries, test_list__txt="a\n")
    touch(tmp_path, "videos/a.mp4", "videos/b.mp4")
    data = Vatex(CaptionConfig(name="vatex", num_frames=1, batch_size=1, pairs=pairs), tmp_path)
    assert data.split("train").official == (4 if pairs else 2)
    assert data.split("test").samples[0].texts == ("one", "two")
    assert data.listed("train").official == 2
    assert [data.captions, data.test_list] == ["all", "test 1500"]


# --- MSR-VTT ------------------------------------------------------------------------------------------------------


def test_msrvtt_full_and_7k_come_from_the_challenges_two_files(tmp_path):
    def half(*videos):
        return {
            "videos": [{"video_id": name, "split": split} for name, split in videos],
            "sentences": [{"video_id": name, "caption": f"{name} {i}"} for name, _ in videos for i in range(3)],
        }

    files(
        tmp_path,
        train_val_videodatainfo__json=half(("video0", "train"), ("video1", "validate")),
        test_videodatainfo__json=half(("video2", "test"), ("video3", "test")),
        MSRVTT_train__7k__csv="video_id\nvideo1\nvideo0\n",
    )
    touch(tmp_path, *(f"videos/all/video{n}.mp4" for n in range(4)))
    test = read_full(tmp_path, "test")
    assert [sample.key for sample in test.samples] == ["video2", "video3"]
    assert test.samples[0].texts == ("video2 0", "video2 1", "video2 2")
    assert [sample.key for sample in read_full(tmp_path, "val").samples] == ["video1"]
    train = read_msrvtt(tmp_path, "train", train="7k")
    assert [sample.key for sample in train.samples] == ["video1", "video0"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("key,vid_key,video_id\nret0,msr1,video1\n", "line 1: there is no column 'sentence'"),
        ("key,vid_key,video_id,sentence\nret0,msr1\n", "line 2: has another number of fields"),
        ("key,vid_key,video_id,sentence\nr,m,v,a\nr,m,v,b\n", "line 3: v stands in line 2 already"),
        ("key,vid_key,video_id,sentence\nr,m,../v,a\n", "line 2: '../v' is no name of a video"),
    ],
)
def test_bad_rows_of_msrvtts_test_list_are_named(tmp_path, rows, says):
    files(tmp_path, MSRVTT_JSFUSION_test__csv=rows)
    with pytest.raises(UserError, match=says):
        read_msrvtt(tmp_path, "test")


# --- MSVD ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_msvds_pickle_of_lists_of_words(tmp_path, protocol):
    files(tmp_path, test_list__txt="-a_1_5\nb_2_9\n", train_list__txt="c_1_2")
    told = {"-a_1_5": [["a", "dog"], ["the", "dog", "s", "tail"]], "b_2_9": [["rain"]], "c_1_2": [[], ["a", "cat"]]}
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(told, protocol))
    touch(tmp_path, "YouTubeClips/-a_1_5.avi", "YouTubeClips/c_1_2.avi")
    test = read_msvd(tmp_path, "test")
    assert [(sample.key, sample.texts) for sample in test.samples] == [("-a_1_5", ("a dog", "the dog s tail"))]
    assert (test.missing, test.missing_texts, test.official) == (["b_2_9"], 1, 2)
    train = read_msvd(tmp_path, "train")
    assert train.samples[0].texts == ("a cat",)
    assert [fault.path for fault in train.faults] == [f"{tmp_path / 'raw-captions.pkl'}, c_1_2, sentence 1"]


class Trap:
    def __reduce__(self):
        return print, ("a pickle ran code",)


def test_a_pickle_that_names_code_is_refused_and_not_run(tmp_path, capsys):
    files(tmp_path, test_list__txt="a\n")
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps({"a": [Trap()]}))
    with pytest.raises(UserError, match=r"no pickle of plain sentences \(it names builtins.print\)"):
        read_msvd(tmp_path, "test")
    assert capsys.readouterr().out == ""
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps({"a": [["b"]]})[:-3])
    with pytest.raises(UserError, match="no pickle of plain sentences"):
        read_msvd(tmp_path, "test")
    (tmp_path / "raw-captions.pkl").write_bytes(pickle.dumps(["a"]))
    with pytest.raises(UserError, match="does not map each id"):
        read_msvd(tmp_path, "test")


def test_a_name_that_stands_twice_in_a_list_is_named(tmp_path):
    files(tmp_path, test_list__txt="a\n\nb\na\n", captions_msvd__json={"a": ["x"], "b": ["y"]})
    with pytest.raises(UserError, match=r"test_list.txt, line 4: a stands in line 1 already"):
        read_msvd(tmp_path, "test")


# --- LSMDC --------------------------------------------------------------------------------------------------------


def line(clip: str, sentence: str) -> str:
    return "\t".join([clip, "00.00.51.926", "00.00.54.129", "00.00.51.926", "00.00.54.129", sentence])


def test_lsmdc_has_tabs_no_header_no_quoting_and_lone_carriage_returns(tmp_path):
    other = "1004_Juno_00.01.02.000-00.01.05.000"
    rows = [line(CLIP, 'SOMEONE says "no'), line(other, "He\rruns."), line(CLIP, 'Another", sentence'), "only\ttwo", ""]
    files(tmp_path, LSMDC16_annos_training__csv="\r\n".join(rows))
    touch(tmp_path, f"videos/0001_American_Beauty/{CLIP}.avi")
    found = read_lsmdc(tmp_path, "train")
    assert film_of(CLIP) == "0001_American_Beauty"
    assert [(s.key, s.texts) for s in found.samples] == [(CLIP, ('SOMEONE says "no', 'Another", sentence'))]
    assert found.missing == [other, "LSMDC16_annos_training.csv:4"]
    assert found.faults[0].reason == "has 2 fields with tabs between them, not 6"
    assert found.faults[0].path.endswith("LSMDC16_annos_training.csv, line 4")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([line(CLIP, "a"), "x"], "line 2: has 1 fields with tabs between them, not 6"),
        ([line(CLIP, "a"), line(CLIP, "b")], "line 2: 0001_American_Beauty.* stands in line 1 already"),
        ([line("../x", "a")], "line 1: '../x' is no name of a video"),
    ],
)
def test_bad_rows_of_lsmdcs_test_list_are_named(tmp_path, rows, says):
    (tmp_path / LISTS["test"]).write_text("\n".join(rows))
    with pytest.raises(UserError, match=says):
        read_lsmdc(tmp_path, "test")


# --- paragraphs ---------------------------------------------------------------------------------------------------


def test_activitynets_sentences_become_one_paragraph(tmp_path):
    files(tmp_path, val_1__json={"v_a": {"duration": 9.5, "timestamps": [[0, 9]], "sentences": ["One.", "  Two. "]}})
    touch(tmp_path, "videos/v_a.webm")
    (sample,) = read_activitynet_captions(tmp_path, "test").samples
    assert (sample.key, sample.texts) == ("v_a", ("One. Two.",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"v_a": {}}', "val_1.json, v_a: there is no list of sentences"),
        ('{"v_a": \n{"sentences": [7]}}', "val_1.json, v_a, sentence 1: the sentence of v_a is 7, not text"),
        ("{\n\n]", "val_1.json, line 3: not JSON"),
        ("[]", "val_1.json holds list where an object belongs"),
    ],
)
def test_bad_entries_of_activitynet_are_named(tmp_path, content, says):
    files(tmp_path, val_1__json=content)
    with pytest.raises(UserError, match=says):
        read_activitynet_captions(tmp_path, "test")


def test_didemos_names_are_compared_whole(tmp_path):
    names = ["x@N0_1_a.avi", "x@N0_1_a.mp4", "x@N0_2_b.", "x@N0_3_c.mov", "x@N0_4_d.m4v"]
    told = [
        {"video": name, "description": f"{name} {part}"} for part in ("first", "then") for name in [*names, "other.mp4"]
    ]
    files(tmp_path, test_list__txt="\n".join(names), test_data__json=told)
    touch(tmp_path, "videos/x@N0_1_a.mp4", "videos/x@N0_2_b.mp4", "videos/x@N0_3_c.mov", "videos/x@N0_4_d.m4v.mp4")
    found = read_didemo(tmp_path, "test")
    read = {sample.key: Path(sample.path.removesuffix("#t=0.000,31.000")).name for sample in found.samples}
    assert read == {
        "x@N0_1_a.mp4": "x@N0_1_a.mp4",
        "x@N0_2_b.": "x@N0_2_b.mp4",
        "x@N0_3_c.mov": "x@N0_3_c.mov",
        "x@N0_4_d.m4v": "x@N0_4_d.m4v.mp4",
    }
    assert found.missing == ["x@N0_1_a.avi"]  # the mp4 of that stem is another video
    assert found.samples[0].texts == ("x@N0_1_a.mp4 first x@N0_1_a.mp4 then",)


# --- VATEX --------------------------------------------------------------------------------------------------------


def test_vatex_halves_its_validation_file_and_reads_english_alone(tmp_path):
    entries = [{"videoID": name, "enCap": [f"{name} {i}" for i in range(10)], "chCap": ["狗"]} for name in "abc"]
    files(tmp_path, vatex_validation_v1__0__json=entries, test_list__txt="c\n")
    touch(tmp_path, *(f"videos/{name}.mp4" for name in "abc"))
    assert [sample.key for sample in read_vatex(tmp_path, "val").samples] == ["a", "b"]
    (sample,) = read_vatex(tmp_path, "test").samples
    assert sample.texts == tuple(f"c {i}" for i in range(10))
    (tmp_path / "test_list.txt").unlink()
    with pytest.raises(UserError, match=r"test_list.txt is not in .*hgr_v2t"):
        read_vatex(tmp_path, "test")


def test_vatex_knows_how_long_a_clip_is_by_its_name(tmp_path):
    data = Vatex(CaptionConfig(name="vatex", num_frames=1, batch_size=1), tmp_path)
    assert data.seconds(Sample("", "-_xY_0-9abc_000055_000065")) == 10.0
    assert data.seconds(Sample("", "odd")) is None


@pytest.mark.parametrize("name", ["msvd", "lsmdc", "activitynet_captions", "didemo", "vatex", "msrvtt_full"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_missing_file_is_named_with_source_layout_and_the_miniature(tmp_path, name, split):
    kind, config = DATASETS[name]
    with pytest.raises(UserError, match="was not found") as error:
        kind(config(name=name, num_frames=1, batch_size=1), tmp_path).split(split)
    assert kind.facts.url in str(error.value)
    assert "MINI=1" in str(error.value)
