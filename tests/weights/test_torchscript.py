"""Archives of compiled programs: their tensors are read, and none of their code is."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.weights.container import open_file
from internvideo_pl.weights.load import build_model, read_model
from internvideo_pl.weights.recognize import LAYOUTS
from tests.weights.conftest import make
from tests.weights.contents import Evil

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit, in whose format files exist


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4).half()
        self.norm = nn.LayerNorm(4)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("input_resolution", torch.tensor(224))

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x) * self.scale


class Outer(nn.Module):
    """Lists, constants and shared storages, as OpenAI's archives have them beside the tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = Inner()
        self.blocks = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4)))
        self.sizes = [1, 2, 3]
        self.name = "a name"
        self.transposed = nn.Parameter(torch.arange(6.0).reshape(2, 3).T)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.visual(x)) * self.sizes[0]


@pytest.mark.parametrize("how", ["script", "trace"])
def test_every_tensor_is_read_as_it_is(tmp_path, how):
    model = Outer().eval()
    made = torch.jit.script(model) if how == "script" else torch.jit.trace(model, torch.randn(2, 4))
    made.save(str(tmp_path / "x.pt"))
    contents = open_file(tmp_path / "x.pt")
    wanted = made.state_dict()
    assert contents.tree.keys() == wanted.keys() == model.state_dict().keys()
    for name, value in wanted.items():
        assert contents.tree[name].dtype == value.dtype
        assert torch.equal(contents.tree[name], value)


class Node(nn.Module):
    """A module of any names."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def as_archive(state: dict[str, Tensor], path: Path) -> Path:
    """A compiled program whose parameters have these names, as OpenAI's CLIP files are; in half precision as theirs."""
    root = Node()
    for name, value in state.items():
        *modules, last = name.split(".")
        node: nn.Module = root
        for part in modules:
            if part not in node._modules:
                node.add_module(part, Node())
            node = node.get_submodule(part)
        node.register_parameter(last, nn.Parameter(value.half()))
    for number in ("input_resolution", "context_length", "vocab_size"):
        root.register_buffer(number, torch.tensor(224))
    torch.jit.script(root).save(str(path))
    return path


def test_a_clip_in_openais_layout(tmp_path):
    state = LAYOUTS["openai_clip"].write(make("multimodal").state_dict())
    found = read_model(as_archive(state, tmp_path / "ViT-tiny.pt"))
    assert found.source == "openai_clip"
    assert found.left_out == dict.fromkeys(
        ("input_resolution", "context_length", "vocab_size"), "a number, not a weight"
    )
    again = LAYOUTS["openai_clip"].write(found.state)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name].half()) for name in state)
    assert build_model(found).logit_scale.dtype == torch.float32


def changed(path: Path, program: bytes) -> Path:
    """The archive with another data.pkl."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            archive.writestr(entry.filename, program if entry.filename.endswith("/data.pkl") else content)
    return path


@pytest.fixture
def script(tmp_path) -> Path:
    torch.jit.script(nn.Linear(3, 4)).save(str(tmp_path / "x.pt"))
    return tmp_path / "x.pt"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_archive_runs_nothing(script, tmp_path, protocol):
    mark = tmp_path / "mark"
    for content in (Evil(mark), {"x": Evil(mark)}, Evil(mark, eval)):
        with pytest.raises(UserError, match="it refers to"):
            open_file(changed(script, pickle.dumps(content, protocol=protocol)))
        with pytest.raises(UserError, match="it refers to"):
            open_file(script, trust=True)  # for archives there is no such thing
    assert not mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x0b\x00\x00\x00__globals__}sb.",  # BUILD on a function
        b"\x80\x02c__torch__\nM\n}X\x0c\x00\x00\x00__setstate__Nsb.",  # BUILD on a class
        b"\x80\x02c__torch__.os\nsystem\nX\x04\x00\x00\x00true\x85R.",  # a program's own name for it
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x02cbuiltins\ngetattr\n.",
        b"\x80\x02ctorch.jit\nload\n.",
    ],
)
def test_ways_around_the_list_lead_nowhere(script, program):
    with pytest.raises(UserError):
        open_file(changed(script, program))
    torch.manual_seed(0)
    torch.jit.script(Inner()).save(str(script))
    assert "linear.weight" in open_file(script).tree  # and leave nothing changed behind


def test_storages_are_no_longer_than_their_entries(script):
    with zipfile.ZipFile(script) as archive:
        program = archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
    assert b"K\x0c" in program  # the weight's 3 * 4 values, as a pickled integer
    with pytest.raises(UserError, match=r"shorter than declared|out of bounds|cannot be read"):
        open_file(changed(script, program.replace(b"K\x0c", b"J\x00\x00\x00\x7f")))


def test_a_module_in_itself_ends(script):
    # An object of a module whose attribute "m" is the object itself.
    with pytest.raises(UserError, match="more modules in one another"):
        open_file(changed(script, b"\x80\x02c__torch__\nM\n)\x81q\x00}X\x01\x00\x00\x00mh\x00sb."))
