"""How closely a model looks; less costs fewer tokens."""

from typing import Literal

Detail = Literal["low", "medium", "high"]
