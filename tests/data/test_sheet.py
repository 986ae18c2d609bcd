"""Contact sheets."""

import numpy as np
import pytest

from facedistill.data.sheet import contact_sheet
from facedistill.errors import UserError


def test_faces_lie_row_by_row_on_white() -> None:
    crops = [np.full((4, 6, 3), level, np.uint8) for level in (10, 20, 30)]
    sheet = contact_sheet(crops, rows=2, columns=2, gap_px=1)
    assert sheet.shape == (9, 13, 3)
    assert (sheet[:4, :6] == 10).all()
    assert (sheet[:4, 7:] == 20).all()
    assert (sheet[5:, :6] == 30).all()
    assert (sheet[5:, 7:] == 255).all()
    assert (sheet[4] == 255).all()


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_or_too_many(count: int) -> None:
    with pytest.raises(UserError, match="1 to 4"):
        contact_sheet([np.zeros((4, 4, 3), np.uint8)] * count, rows=2, columns=2)
