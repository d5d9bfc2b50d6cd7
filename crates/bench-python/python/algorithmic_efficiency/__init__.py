"""The package's name before version 0.6: the same modules."""

import sys

from algoperf import pytorch_utils, spec

for module in (pytorch_utils, spec):
    sys.modules[f"{__name__}.{module.__name__.rpartition('.')[2]}"] = module
