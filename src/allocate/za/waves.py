"""The waves in which the spaces were to join the district development model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocate.za.folder import KINDS, WAVES, array, long


def wave_size(rows: pd.DataFrame) -> pd.DataFrame:
    """Spaces of each kind that join in each wave. Unit: 1.

    >>> rows = pd.DataFrame({"wave": [1, 3], "kind": ["district", "metro"], "count": [1, 4]})
    >>> wave_size(rows)["value"].tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]
    """
    sizes = array(rows.assign(wave=rows["wave"].astype(str)), value="count", fill=0, wave=WAVES, kind=KINDS)
    return long(sizes, wave=WAVES, kind=KINDS)


def announced(rows: pd.DataFrame, spaces: tuple[str, ...]) -> pd.DataFrame:
    """1 where a wave was announced for a space. Flag.

    >>> announced(pd.DataFrame({"space": ["B"], "wave": [2]}), ("A", "B")).query("value == 1").values.tolist()
    [['B', '2', 1]]
    """
    flags = array(rows.assign(wave=rows["wave"].astype(str), value=1), fill=0, space=spaces, wave=WAVES)
    return long(flags.astype(np.int64), space=spaces, wave=WAVES)
