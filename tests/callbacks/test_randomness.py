import random

import numpy as np
import torch

from internvideo_pl.callbacks.randomness import seed_all


def drawn(*key: int) -> tuple:
    seed_all(*key)
    return random.random(), np.random.random(), torch.rand(3).tolist()


def test_every_generator_is_a_function_of_the_key():
    first = drawn(7, 2, 5, 0)
    drawn(7, 2, 6, 0)
    assert drawn(7, 2, 5, 0) == first


def test_keys_never_share_their_draws():
    keys = [(seed, epoch, batch, rank) for seed in (0, 1) for epoch in (0, 1) for batch in (0, 1) for rank in (0, 1)]
    draws = [drawn(*key) for key in keys]
    for part in range(3):
        assert len({str(draw[part]) for draw in draws}) == len(keys)
