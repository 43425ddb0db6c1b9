"""CLIP's ids against published ones and against a byte-pair encoder written out step by step."""

import gzip
import pickle
import re
from itertools import pairwise

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.text.tokenizer import ClipTokenizer
from internvideo_pl.text.vocabulary import find_vocabulary


@pytest.fixture(scope="module")
def merges_file():
    try:
        return find_vocabulary()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def tokenizer(merges_file):
    return ClipTokenizer(bpe=merges_file)


@pytest.fixture(scope="module")
def small(merges_file):
    return ClipTokenizer(vocab_size=1024, context_length=32, bpe=merges_file)


SENTENCES = [
    "a dog is chasing a ball",
    "A man  plays\tthe guitar, then sings!",
    "it's 1989 and they'll dance",
    "unbelievably picturesque",
    "x",
]


def test_published_ids(tokenizer):
    ids = tokenizer(["a dog is chasing a ball"])
    assert ids.shape == (1, 77)
    assert ids.dtype == torch.int64
    assert ids[0, :8].tolist() == [49406, 320, 1929, 533, 13376, 320, 1069, 49407]
    assert ids[0, 8:].eq(0).all()
    assert (tokenizer.sot, tokenizer.eot, len(tokenizer)) == (49406, 49407, 49408)


@pytest.mark.parametrize("size", [514, 600, 1024, 49408])
def test_ids_against_a_step_by_step_encoder(size, merges_file):
    tokenizer = ClipTokenizer(vocab_size=size, bpe=merges_file)
    merges = gzip.decompress(merges_file.read_bytes()).decode().split("\n")[1 : 1 + size - 514]
    for sentence in SENTENCES:
        assert tokenizer.encode(sentence) == _slow_encode(sentence, merges), sentence


def _slow_encode(sentence: str, merges: list[str]) -> list[int]:
    """ASCII only: joins the earliest-ranked pair until none is left; ids in the order bytes, word ends, merges."""
    latin = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(code) for code in latin] + [chr(256 + n) for n in range(68)]
    ids = {
        token: n
        for n, token in enumerate(letters + [c + "</w>" for c in letters] + [m.replace(" ", "") for m in merges])
    }
    out = []
    for word in re.findall(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", sentence.lower()):
        parts = [*word[:-1], word[-1] + "</w>"]
        while True:
            pairs = [f"{a} {b}" for a, b in pairwise(parts)]
            known = [pair for pair in pairs if pair in merges]
            if not known:
                break
            best = min(known, key=merges.index)
            at = pairs.index(best)
            parts[at : at + 2] = [best.replace(" ", "")]
        out += [ids[part] for part in parts]
    return out


def test_case_spaces_and_entities_do_not_matter(tokenizer):
    plain = tokenizer(["cats & dogs don't care"])
    for variant in ("CATS & Dogs don't care", " cats  &\ndogs don't care ", "cats &amp; dogs don&#39;t care"):
        assert torch.equal(tokenizer([variant]), plain)
    assert torch.equal(tokenizer(["cats &amp;amp; dogs don't care"]), plain)


def test_a_long_sentence_keeps_its_end_token(tokenizer, small):
    ids = tokenizer(["dog " * 75, "dog " * 76, "dog " * 500])
    assert ids.shape == (3, 77)
    assert ids[0].tolist() == ids[1].tolist() == ids[2].tolist() == [49406, *[1929] * 75, 49407]
    assert small(["dog " * 500])[0, -1] == small.eot == 1023


def test_an_empty_sentence_is_start_and_end(tokenizer):
    assert tokenizer([""])[0, :3].tolist() == [49406, 49407, 0]
    assert tokenizer([]).shape == (0, 77)


def test_the_end_is_the_largest_id_for_argmax(small):
    ids = small(SENTENCES)
    assert ids.shape == (5, 32)
    assert (ids.max(dim=1).values == small.eot).all()
    assert ids.eq(small.eot).sum(dim=1).eq(1).all()
    assert (ids[:, 0] == small.sot).all()


def test_decode_gives_the_words_back(tokenizer, small):
    for words in (tokenizer, small):
        ids = words(["a dog is chasing a ball", "un café", ""])
        assert [words.decode(row) for row in ids] == ["a dog is chasing a ball", "un café", ""]
    assert small.decode([small.sot, *small.encode("red ball")]) == "red ball"


def test_a_copy_in_another_process_is_the_same(small):
    copy = pickle.loads(pickle.dumps(small))
    assert torch.equal(copy(SENTENCES), small(SENTENCES))
    assert (copy.vocab_size, copy.context_length) == (1024, 32)
