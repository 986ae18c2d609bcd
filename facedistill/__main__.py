"""``python -m facedistill``, as ``torchrun -m`` wants it."""

from .cli import main

if __name__ == "__main__":
    main()
