"""Tube masks and running cells."""

import numpy as np
import pytest
import torch

from internvideo_pl.backbones.masks import Masks, num_masked_cells, run_cells, sample_tubes
from internvideo_pl.errors import UserError

GRID = (4, 6, 6)


def test_a_split_covers_every_token_once_in_order():
    masks = sample_tubes(5, GRID, 0.9, "cpu")
    assert masks.visible.shape == (5, 4 * 4)  # int(0.9 * 36) = 32 of 36 cells hidden
    assert masks.predicted.shape == (5, 4 * 32)
    for visible, predicted in zip(masks.visible, masks.predicted, strict=True):
        assert visible.tolist() == sorted(visible.tolist())
        assert predicted.tolist() == sorted(predicted.tolist())
        assert sorted([*visible.tolist(), *predicted.tolist()]) == list(range(144))


def test_a_tube_is_hidden_in_every_slot_and_clips_differ():
    hidden = sample_tubes(8, GRID, 0.5, "cpu").hidden(144).unflatten(1, (4, 36))
    assert (hidden == hidden[:, :1]).all()
    assert len({tuple(row.tolist()) for row in hidden[:, 0]}) == 8


def test_cells_are_hidden_equally_often():
    hidden = sample_tubes(4000, (1, 2, 4), 0.5, "cpu", torch.Generator().manual_seed(0)).hidden(8)
    assert hidden.float().mean(dim=0).tolist() == pytest.approx([0.5] * 8, abs=0.04)


def test_a_generator_fixes_the_masks():
    first, second, other = (
        sample_tubes(2, GRID, 0.9, "cpu", torch.Generator().manual_seed(seed)).visible for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_dense_masks_survive_the_round_trip():
    hidden = torch.rand(3, 20).argsort(dim=1) < 13
    masks = Masks.from_hidden(hidden)
    assert torch.equal(masks.hidden(20), hidden)
    assert masks.visible.tolist() == [row.logical_not().nonzero().flatten().tolist() for row in hidden]


@pytest.mark.parametrize(("ratio", "hidden"), [(0.9, 176), (0.75, 147), (0.5, 98)])
def test_counts_round_down(ratio, hidden):
    assert num_masked_cells((8, 14, 14), ratio) == hidden


@pytest.mark.parametrize("ratio", [0.0, 0.02, 1.0, -1.0, 2.0])
def test_a_ratio_that_leaves_nothing(ratio):
    with pytest.raises(UserError, match=f"mask ratio of {ratio} hides"):
        sample_tubes(1, GRID, ratio, "cpu")


def reference_running_cells(slots, rows, columns, keep, phase):
    """VideoMAE V2's description, slot by slot: a queue of places of the 2 x 2 cell that moves on by one."""
    dropped = 4 - round(4 * keep)
    queue = np.array([1] * dropped + [0] * (4 - dropped))
    maps = [
        np.tile(queue[(np.arange(4) + phase + t) % 4].reshape(2, 2), (rows // 2, columns // 2)) for t in range(slots)
    ]
    return np.stack(maps).reshape(-1) == 0


@pytest.mark.parametrize("keep", [0.25, 0.5, 0.75])
def test_running_cells_are_those_of_the_reference(keep):
    masks = sample_tubes(2, GRID, 0.9, "cpu")
    ours = set()
    for phase in range(4):
        cells = run_cells(masks, GRID, keep, torch.tensor(phase))
        assert cells.predicted.shape == (2, 144 * keep)
        decoded = torch.zeros(2, 144, dtype=torch.bool).scatter(1, cells.predicted, True)
        assert torch.equal(decoded[0], decoded[1])
        assert torch.equal(cells.counted, masks.hidden(144).gather(1, cells.predicted))
        ours.add(tuple(decoded[0].tolist()))
    assert ours == {tuple(reference_running_cells(*GRID, keep, phase).tolist()) for phase in range(4)}


@pytest.mark.parametrize(("grid", "keep"), [((4, 5, 6), 0.5), (GRID, 0.05), (GRID, 0.99)])
def test_running_cells_refuse(grid, keep):
    with pytest.raises(UserError, match="even grid and 1 to 3 of every 4 places"):
        run_cells(sample_tubes(1, grid, 0.9, "cpu"), grid, keep, torch.tensor(0))
