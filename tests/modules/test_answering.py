"""Answering on a tiny model: losses by hand, odd texts, gradients where something is trained, what stays frozen."""

import pytest
import torch
from torch.nn import functional as F

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.data.batch import Batch, Clip, collate
from internvideo_pl.heads.answer import AnswerHeadConfig, QuestionAnswerer
from internvideo_pl.modules.answering import ChoiceAnswering, Counting, QuestionAnswering
from internvideo_pl.modules.multiple_choice import MultipleChoice
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.objectives.answer import Answering
from internvideo_pl.optim import OptimizerConfig

ODD = [
    "",
    " ",
    "🏁🏁 which 🐕?",
    "ما هو اللون؟",
    "what\x00is\x07\x1b[31m red\u2028?",
    "why " * 500,
    "?!,;",
    "\ufeffwho?",
]
OPTIMISATION = {"optimizer": OptimizerConfig(lr=1e-3), "total_steps": 20, "global_batch": 4}


def objective(answers: int) -> Answering:
    torch.manual_seed(0)
    encoder = MultimodalChoice(size="tiny", num_frames=2, global_dropout=0.0).build()
    return Answering(QuestionAnswerer(encoder, answers, AnswerHeadConfig(dropout=0.0)))


def batch(texts: list[str], labels: list[int], options: list[list[str]] | None = None) -> Batch:
    generator = torch.Generator().manual_seed(1)
    videos = [torch.randint(0, 256, (2, 48, 48, 3), dtype=torch.uint8, generator=generator) for _ in texts]
    said = [{"options": own} for own in options] if options else [None] * len(texts)
    clips = zip(videos, labels, texts, said, strict=True)
    return collate([Clip(v, i, label=k, text=t, annotation=a) for i, (v, k, t, a) in enumerate(clips)])


def test_odd_questions_are_questions_like_any_other():
    module = QuestionAnswering(objective(5), **OPTIMISATION).eval()
    asked = batch(ODD, [0, 1, 2, 3, 4, 0, 1, 2])
    with torch.no_grad():
        logits = module.objective.model(module.clips(asked), module.tokenize(asked.text))
        assert logits.isfinite().all()
        assert module.losses(asked)["loss"].isfinite()
        ids = module.tokenize(ODD)
        assert (ids.argmax(dim=1) > 0).all()  # an end token each, also where 500 words were cut
        assert (ids.max(dim=1).values == module.tokenizer.eot).all()


def test_answers_outside_the_vocabulary_add_nothing():
    module = QuestionAnswering(objective(5), **OPTIMISATION)
    asked = batch(["a?", "b?", "c?"], [2, -1, 0])
    logits = module.objective.model(module.clips(asked), module.tokenize(asked.text))
    wanted = (F.cross_entropy(logits[:1], torch.tensor([2])) + F.cross_entropy(logits[2:], torch.tensor([0]))) / 2
    torch.testing.assert_close(module.losses(asked)["loss"], wanted)
    none = module.losses(batch(["a?", "b?"], [-1, -1]))["loss"]
    assert none.item() == 0
    none.backward()
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())


def test_every_trained_parameter_gets_a_gradient_and_what_is_unused_is_frozen():
    module = QuestionAnswering(objective(5), **OPTIMISATION)
    module.losses(batch(["what runs?", "who?"], [1, 2]))["loss"].backward()
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    assert [name for name, p in trained.items() if p.grad is None] == []
    frozen = {
        name.rsplit("encoder.", 1)[1].split(".")[0] for name in dict(module.named_parameters()) if name not in trained
    }
    assert frozen == {"visual_proj", "text_projection", "logit_scale", "caption_decoder", "text"}


@pytest.mark.parametrize("kind", [QuestionAnswering, ChoiceAnswering, Counting])
def test_the_loss_goes_down(kind):
    module = kind(objective(3 if kind is QuestionAnswering else 1), **OPTIMISATION)
    options = [["red", "blue", "a ring"]] * 4
    asked = batch(["what is it?", "which?", "how many?", ""], [0, 1, 2, 1], options)
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = module.losses(asked)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_options_are_read_one_by_one_behind_their_question():
    module = ChoiceAnswering(objective(1), **OPTIMISATION).eval()
    asked = batch(["what does he do ?", "and she ?"], [0, 1], [["run", "", "🏁"], ["sit", "jump", "run"]])
    with torch.no_grad():
        together = module.objective.model.options(module.clips(asked), module._options(asked))
        clips = module.clips(asked)
        for row, (question, said) in enumerate(zip(asked.text, asked.annotations, strict=True)):
            for place, option in enumerate(said["options"]):
                alone = module.objective.model(clips[row : row + 1], module.tokenize([f"{question} {option}"]))
                torch.testing.assert_close(together[row, place], alone[0, 0], rtol=1e-4, atol=1e-5)


def test_choices_by_similarity_are_scaled_cosines_of_a_clip_with_its_own_options():
    torch.manual_seed(0)
    encoder = MultimodalChoice(size="tiny", num_frames=2, global_dropout=0.0).build()
    module = MultipleChoice(Alignment(encoder, AlignmentConfig()), **OPTIMISATION).eval()
    asked = batch(["x", "y"], [0, 1], [["a red disc", "", "🏁"], ["a ring", "سباق", "word " * 500]])
    with torch.no_grad():
        scores = module.scores(asked)
        videos = encoder.input.prepare(asked.video)
        for row, said in enumerate(asked.annotations):
            alone = encoder(videos[row : row + 1], module.tokenize(said["options"]))[0]
            torch.testing.assert_close(scores[row], alone, rtol=1e-4, atol=1e-4)
