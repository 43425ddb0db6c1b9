"""The batch that fits, found by doubling; what does not fit leaves nothing behind."""

import pytest
import torch

from internvideo_pl.bench.batch import all_fit, largest_batch
from internvideo_pl.errors import UserError


@pytest.mark.parametrize(("room", "found"), [(1, 1), (2, 2), (3, 2), (100, 64), (512, 512), (10_000, 512)])
def test_the_largest_power_of_two_that_fits(room: int, found: int) -> None:
    asked: list[int] = []

    def fits(batch: int) -> bool:
        asked.append(batch)
        return batch <= room

    assert largest_batch(fits) == found
    assert max(asked) <= 512
    assert len(asked) == len(set(asked))


def test_a_full_gpu_is_a_sentence() -> None:
    with pytest.raises(UserError, match="not even one sample"):
        largest_batch(lambda batch: False)


def test_contenders_fit_when_all_of_them_run_twice() -> None:
    ran: list[str] = []

    def builder(name: str, full: bool):  # type: ignore[no-untyped-def]
        def step() -> None:
            if full:
                raise torch.OutOfMemoryError("full")
            ran.append(name)

        return lambda: step

    assert all_fit([builder("a", False), builder("b", False)])
    assert ran == ["a", "b", "a", "b"]
    assert not all_fit([builder("a", False), builder("b", True)])


def test_other_errors_are_not_taken_for_a_full_memory() -> None:
    def build():  # type: ignore[no-untyped-def]
        raise ValueError("another")

    with pytest.raises(ValueError, match="another"):
        all_fit([build])
