"""The contact sheet of scenes."""

import numpy as np

from dalle.data.scenes.composer import Composer
from dalle.data.scenes.preview import contact_sheet
from tests.fakes import fake_emoji


def test_contact_sheet() -> None:
    """Guards against a last row that falls off the sheet, and letters that the font lacks."""
    sheet = contact_sheet(Composer(fake_emoji(), seed=1, size=64), count=7, columns=3)
    assert sheet.width // 3 >= 64
    last = np.asarray(sheet)[sheet.height * 2 // 3 :, : sheet.width // 3]
    assert len(np.unique(last.reshape(-1, 3), axis=0)) > 2
