import math

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.heads.evidential import concentration, opinion


def test_no_evidence_is_total_ignorance() -> None:
    belief = opinion(concentration(torch.full((1, 4), -20.0), "relu"))
    assert belief.uncertainty.item() == 1
    torch.testing.assert_close(belief.probability, torch.full((1, 4), 0.25))


def test_opinion_by_hand() -> None:
    belief = opinion(torch.tensor([[1.0, 5.0, 2.0]]))
    torch.testing.assert_close(belief.probability, torch.tensor([[0.125, 0.625, 0.25]]))
    torch.testing.assert_close(belief.uncertainty, torch.tensor([0.375]))


@pytest.mark.parametrize(
    ("name", "z", "alpha"),
    [
        ("exp", 1.0, 1 + math.e),
        ("exp", 50.0, 1 + math.exp(10)),
        ("exp", -50.0, 1 + math.exp(-10)),
        ("relu", -3.0, 1.0),
        ("relu", 3.0, 4.0),
        ("softplus", 0.0, 1 + math.log(2)),
    ],
)
def test_evidence_functions(name: str, z: float, alpha: float) -> None:
    assert concentration(torch.tensor([[z]]), name).item() == pytest.approx(alpha)


def test_unknown_evidence_is_refused() -> None:
    with pytest.raises(UserError, match="Did you mean 'softplus'"):
        concentration(torch.zeros(1, 2), "softpluss")
