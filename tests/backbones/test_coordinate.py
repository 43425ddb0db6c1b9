"""The contract of coordination: frozen encoders, silent start, what each gate can and cannot change, the control."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from internvideo_pl.backbones.coordinate import Bridge, CoordinateConfig, CoordinatedEncoder
from internvideo_pl.backbones.cross import CrossAttention, Gate, GatedCrossBlock
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.backbones.multimodal_sizes import VIDEO_TOWER
from internvideo_pl.backbones.sizes import COORDINATED, MASKED_VIT
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHead, ClassifyHeadConfig
from internvideo_pl.heads.coordinated import CoordinatedClassifier, LogitEnsemble

MASKED = MaskedViTConfig(width=16, depth=3, heads=2, patch_size=8, image_size=16, num_frames=4, drop_path=0.5)
TOWER = VideoTowerConfig(size=24, patch=8, width=12, depth=4, heads=2, global_after=(2, 3), num_frames=2)
CLASSES = 5


def randomised(module, seed):
    torch.manual_seed(seed)
    for param in module.parameters():
        nn.init.normal_(param, std=0.3)
    return module


def single_models(tower=TOWER):
    masked = Classifier(MaskedEncoder(MASKED), CLASSES, ClassifyHeadConfig(init_scale=1.0))
    multimodal = Classifier(VideoTower(tower), CLASSES, ClassifyHeadConfig(init_scale=1.0, norm=True))
    return randomised(masked, 0).eval(), randomised(multimodal, 1).eval()


def coordinated(tower=TOWER, dropout=0.9, **changes):
    masked, multimodal = single_models(tower)
    torch.manual_seed(2)
    encoder = CoordinatedEncoder(masked.backbone, multimodal.backbone, CoordinateConfig(**changes))
    return CoordinatedClassifier(encoder, multimodal.head, masked.head, dropout), masked, multimodal


def video(batch=3):
    torch.manual_seed(4)
    return torch.randint(0, 256, (batch, 4, 48, 48, 3), dtype=torch.uint8)


@pytest.mark.parametrize("gate_final", [True, False])
def test_closed_gates_leave_both_models_as_they_are_bit_for_bit(gate_final):
    model, masked, multimodal = coordinated(gate_final=gate_final)
    inputs = model.eval().input.prepare(video())
    features = model.backbone(inputs)
    assert torch.equal(features.pooled, masked.backbone(inputs[0]).pooled)
    assert torch.equal(features.tokens, masked.backbone(inputs[0]).tokens)
    assert torch.equal(features.class_token, multimodal.backbone(inputs[1]).pooled)
    assert features.grid == masked.backbone.grid
    assert torch.equal(model(inputs), multimodal(inputs[1]) + masked(inputs[0]))
    ensemble = LogitEnsemble([masked, multimodal])
    assert_close(ensemble(ensemble.input.prepare(video())), model(inputs))


def gradients(model):
    model(model.input.prepare(video())).square().sum().backward()
    return {name: param.grad for name, param in model.named_parameters() if param.requires_grad}


def test_at_the_start_only_gates_and_heads_get_a_gradient():
    found = gradients(coordinated()[0])
    moving = {name for name, gradient in found.items() if gradient is not None and gradient.any()}
    gates = {name for name in found if ".gate_" in name}
    assert len(gates) == 2 * 3  # two pairs and the last one, attention and feed-forward each
    heads = {name for name in found if "_head." in name}
    assert moving == gates | heads
    assert len(found) > len(moving)  # the inner weights are trainable, and exactly at rest


def test_once_gates_are_open_everything_trainable_gets_a_gradient():
    model = coordinated(dropout=0.0)[0]
    for module in model.modules():
        if isinstance(module, Gate):
            nn.init.constant_(module.value, 0.5)
    found = gradients(model)
    assert {name for name, gradient in found.items() if gradient is None or not gradient.any()} == set()


def test_encoders_are_frozen_and_stay_in_evaluation():
    model, masked, multimodal = coordinated()
    model.train()
    assert model.training
    assert model.backbone.cross.training
    for encoder in (masked.backbone, multimodal.backbone):
        assert not any(module.training for module in encoder.modules())
        assert not any(param.requires_grad for param in encoder.parameters())
    trainable = {name.split(".")[1] for name, param in model.named_parameters() if param.requires_grad}
    assert trainable == {"cross", "final", "frame_embedding", "norm", "weight", "bias"}


def test_training_changes_no_frozen_parameter_and_opens_gates():
    model = coordinated(gate_scale=10.0)[0].train()
    frozen = {name: value.clone() for name, value in model.state_dict().items() if name.split(".")[1] in FROZEN}
    assert set(model.gates().values()) == {0.0}
    optimizer = torch.optim.AdamW([param for param in model.parameters() if param.requires_grad], lr=1e-2)
    inputs, label = model.input.prepare(video()), torch.arange(3)
    for _ in range(3):
        loss = nn.functional.cross_entropy(model(inputs), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, value in frozen.items():
        assert torch.equal(model.state_dict()[name], value), name
    assert all(opening != 0 for opening in model.gates().values())


FROZEN = ("masked", "tower")


@pytest.mark.parametrize("gate", ["cross.0.gate_attn", "cross.0.gate_mlp", "cross.1.gate_attn", "cross.1.gate_mlp"])
def test_an_inner_gate_changes_the_masked_branch_only(gate):
    """With the last gate closed; once that is open, the class token reads the changed masked tokens."""
    model = coordinated()[0].eval()
    inputs = model.input.prepare(video())
    before = model.backbone(inputs)
    nn.init.constant_(model.backbone.get_submodule(gate).value, 0.3)
    after = model.backbone(inputs)
    assert torch.equal(after.class_token, before.class_token)
    assert not torch.allclose(after.pooled, before.pooled)


@pytest.mark.parametrize("gate", ["final.gate_attn", "final.gate_mlp"])
def test_the_last_gate_changes_the_class_token_only(gate):
    model = coordinated()[0].eval()
    inputs = model.input.prepare(video())
    before = model.backbone(inputs)
    nn.init.constant_(model.backbone.get_submodule(gate).value, 0.3)
    after = model.backbone(inputs)
    assert torch.equal(after.pooled, before.pooled)
    assert torch.equal(after.tokens, before.tokens)
    assert not torch.allclose(after.class_token, before.class_token)


def test_the_whole_pass_by_hand():
    model = coordinated(gate_scale=2.0, masked_blocks=[0, 2], multimodal_blocks=[1, 3])[0].eval()
    backbone = randomised_gates(model.backbone)
    inputs = model.input.prepare(video())
    _, outputs = backbone.tower.forward_blocks(inputs[1])
    x = backbone.masked.embed(inputs[0])
    for i, block in enumerate(backbone.masked.blocks):
        if i in (0, 2):
            pair, keys = backbone.cross[i // 2], outputs[1 + i]
            keys = pair.norm_kv(keys) + backbone.frame_embedding.repeat_interleave(
                10, dim=0
            )  # 2 frames of 1 + 9 tokens
            x = x + torch.tanh(2 * pair.gate_attn.value) * pair.attn(pair.norm_q(x), keys)
            x = x + torch.tanh(2 * pair.gate_mlp.value) * pair.mlp(pair.norm_mlp(x))
        x = block(x)
    final, query = backbone.final, backbone.tower(inputs[1]).pooled[:, None]
    query = query + torch.tanh(2 * final.gate_attn.value) * final.attn(final.norm_q(query), final.norm_kv(x))
    query = query + torch.tanh(2 * final.gate_mlp.value) * final.mlp(final.norm_mlp(query))
    found = backbone(inputs)
    assert_close(found.pooled, backbone.masked.finish(x).pooled)
    assert_close(found.class_token, query[:, 0])


def randomised_gates(backbone):
    torch.manual_seed(5)
    nn.init.normal_(backbone.frame_embedding)
    for module in backbone.modules():
        if isinstance(module, Gate):
            nn.init.normal_(module.value)
    return backbone


def test_cross_attention_is_the_standard_one():
    torch.manual_seed(0)
    attention = CrossAttention(8, 6, 2).double()
    reference = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True).double()
    with torch.no_grad():
        reference.q_proj_weight.copy_(attention.q.weight)
        reference.k_proj_weight.copy_(attention.kv.weight[:8])
        reference.v_proj_weight.copy_(attention.kv.weight[8:])
        reference.in_proj_bias.copy_(torch.cat([attention.q.bias, attention.kv.bias]))
        reference.out_proj.load_state_dict(attention.proj.state_dict())
    x, context = torch.randn(2, 3, 8).double(), torch.randn(2, 5, 6).double()
    assert_close(attention(x, context), reference(x, context, context)[0])


def test_a_gate_keeps_the_precision_of_its_branch():
    block = GatedCrossBlock(8, 6, 2, 2.0, 1.0)
    with torch.autocast("cpu", torch.bfloat16):
        assert block(torch.zeros(1, 3, 8).bfloat16(), torch.zeros(1, 5, 6)).dtype == torch.bfloat16


def trainable_shapes(model):
    return {name: tuple(param.shape) for name, param in model.named_parameters() if param.requires_grad}


def test_the_control_has_the_same_trainable_parameters_and_no_second_encoder():
    model, control = coordinated()[0], coordinated(keys_from="masked")[0]
    assert trainable_shapes(control) == trainable_shapes(model)
    assert control.backbone.tower is None
    assert len(control.input.prepare(video())) == 1
    assert not [name for name in control.state_dict() if "tower" in name]


@pytest.mark.parametrize("width", [12, 16, 24])
def test_the_control_starts_as_the_masked_model_and_reads_its_tokens(width):
    tower = replace(TOWER, width=width)
    control, masked, _ = coordinated(tower, keys_from="masked")
    control.eval()
    inputs = control.input.prepare(video())
    if width >= 16:  # a narrower class token cannot hold the whole feature
        control.multimodal_head.norm = nn.Identity()
        assert_close(control(inputs), 2 * masked(inputs[0]), rtol=1e-4, atol=1e-4)
    assert torch.equal(control.backbone(inputs).pooled, masked.backbone(inputs[0]).pooled)
    frozen = control.backbone.encode_frozen(inputs)
    outputs = masked.backbone(inputs[0]).tokens  # the last block's, as no norm follows it
    assert_close(frozen.contexts[-1], control.backbone.bridge(outputs))


def test_the_bridge_keeps_lengths_and_is_a_constant():
    wide = Bridge(4, 6)
    x = torch.randn(3, 4)
    assert_close(wide(x).norm(dim=1), x.norm(dim=1))
    assert torch.equal(wide.weight, Bridge(4, 6).weight)
    assert not list(wide.parameters())
    weight = torch.randn(2, 4)
    assert_close(wide(x) @ wide.pull_back(weight).T, x @ weight.T)
    assert Bridge(4, 4)(x) is x


def test_frozen_tokens_may_be_kept():
    model = coordinated()[0].eval()
    randomised_gates(model.backbone)
    inputs = model.input.prepare(video())
    kept = model.backbone.encode_frozen(inputs)
    assert not kept.tokens.requires_grad
    assert torch.equal(model.backbone.coordinate(kept).class_token, model.backbone(inputs).class_token)


def test_without_frame_embedding_keys_of_shuffled_frames_are_one_set():
    for embedded in (False, True):
        model = coordinated(frame_embedding=embedded)[0].eval()
        for module in model.modules():
            if isinstance(module, Gate):
                nn.init.constant_(module.value, 1.0)
        if embedded:
            nn.init.normal_(model.backbone.frame_embedding)
        frozen = model.backbone.encode_frozen(model.input.prepare(video()))
        swapped = frozen._replace(contexts=[context.roll(10, dims=1) for context in frozen.contexts])  # 2 frames of 10
        first, second = (model.backbone.coordinate(tokens).pooled for tokens in (frozen, swapped))
        assert torch.allclose(first, second, atol=1e-4) != embedded


def test_saved_and_loaded():
    model, other = coordinated()[0].eval(), coordinated()[0].eval()
    randomised_gates(model.backbone)
    other.load_state_dict(model.state_dict())
    inputs = model.input.prepare(video())
    assert torch.equal(model(inputs), other(inputs))


def test_an_ensemble_may_hold_a_coordinated_model():
    """InternVideo-T adds a second multimodal model to InternVideo-D."""
    model, _, multimodal = coordinated()
    ensemble = LogitEnsemble([model, multimodal]).eval()
    inputs = ensemble.input.prepare(video())
    assert len(inputs) == 3
    assert_close(ensemble(inputs), model(inputs[:2]) + multimodal(inputs[2]))


def test_head_dropout_is_the_only_randomness_in_training():
    model = coordinated()[0].train()
    inputs = model.input.prepare(video())
    assert torch.equal(model.backbone(inputs).pooled, model.backbone(inputs).pooled)
    assert not torch.equal(model(inputs), model(inputs))
    assert model.masked_head.config.dropout == model.multimodal_head.config.dropout == 0.9


def test_no_graph_break_under_compile():
    model = coordinated(dropout=0.0)[0]
    inputs = model.input.prepare(video())
    compiled = torch.compile(model.backbone.coordinate, fullgraph=True, backend="eager")
    frozen = model.backbone.encode_frozen(inputs)
    assert_close(compiled(frozen).pooled, model.backbone.coordinate(frozen).pooled)


def test_the_paper_s_size():
    """InternVideo-D is 1.0 B parameters in table 2 of the paper."""
    with torch.device("meta"):
        masked, tower = MaskedEncoder(MASKED_VIT["huge"]), VideoTower(VIDEO_TOWER["large"])
        model = CoordinatedClassifier(
            CoordinatedEncoder(masked, tower, COORDINATED["internvideo_d"].coordinate),
            ClassifyHead(1024, 400, ClassifyHeadConfig(norm=True)),
            ClassifyHead(1280, 400, ClassifyHeadConfig()),
        )
    billions = sum(param.numel() for param in model.parameters()) / 1e9
    assert round(billions, 1) == 1.0
    assert model.backbone.pairs == [(30, 22), (31, 23)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"keys_from": "multimodel"}, "unknown keys_from 'multimodel'. Did you mean 'multimodal'"),
        ({"num_pairs": 4}, r"masked_blocks=\[-1, 0, 1, 2\] must be ascending and within the encoder's blocks, 0 to 2"),
        ({"num_pairs": 0}, r"masked_blocks=\[\] must be ascending"),
        ({"multimodal_blocks": [3, 1]}, r"multimodal_blocks=\[3, 1\] must be ascending"),
        ({"masked_blocks": [0]}, "1 masked_blocks cannot be paired with 2 multimodal_blocks"),
        ({"heads": 3}, "heads=3 must divide a width of 16"),
        ({"final_heads": 5}, "final_heads=5 must divide a width of 12"),
    ],
)
def test_refusals(change, sentence):
    with pytest.raises(UserError, match=sentence):
        coordinated(**change)
