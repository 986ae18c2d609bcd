"""Angles between vectors, handled by their cosines so that no gradient is infinite."""

import torch
from jaxtyping import Float
from torch import Tensor


def cos_of_sum(cos_B: Float[Tensor, " B"], angle_rad: Float[Tensor, ""] | Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """cos(θ + angle) = cosθ cos(angle) − sinθ sin(angle), from cosθ in float32.

    sinθ = sqrt(1 − cos²θ) has an infinite slope at cosθ = ±1 and is NaN where rounding gives |cosθ| > 1, hence the
    clamp at one unit of rounding.
    """
    sin_B = (1 - cos_B * cos_B).clamp_min(torch.finfo(torch.float32).eps).sqrt()
    return cos_B * angle_rad.cos() - sin_B * angle_rad.sin()


def arc_margin(cos_B: Float[Tensor, " B"], margin_rad: Float[Tensor, ""] | Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """cos(θ + m), and cosθ − m sin m where θ + m > π: there cos(θ + m) would rise again and reward a larger angle."""
    psi_B = cos_of_sum(cos_B, margin_rad)
    return torch.where(cos_B < -margin_rad.cos(), cos_B - margin_rad * margin_rad.sin(), psi_B)
