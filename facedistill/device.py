"""Where networks run."""

import torch

from .errors import UserError, first_line


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA, else MPS, else the CPU.

    Raises:
        UserError: a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"Device '{name}' is not available: {first_line(error)}; try device auto or cpu.") from None
    return device
