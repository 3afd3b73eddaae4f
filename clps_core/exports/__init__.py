"""Results as tables for other tools: CSV, Parquet, JSON, LaTeX, TensorBoard; configs that differ as YAML.

``tables.py`` has the rows, ``writing.py`` the formats, ``tensorboard.py`` event files, ``differences.py`` configs. No
torch, no pandas.
"""

from clps_core.exports.differences import config_differences, differences_yaml, map_differences
from clps_core.exports.tables import curve_rows, design_rows, run_rows
from clps_core.exports.writing import ENDINGS, FORMATS, as_file

__all__ = [
    "ENDINGS",
    "FORMATS",
    "as_file",
    "config_differences",
    "curve_rows",
    "design_rows",
    "differences_yaml",
    "map_differences",
    "run_rows",
]
