"""`python -m torture.fresh WORDS`: a command of the toolkit with cuts of its small data sets.

The cuts are in the folder that TORTURE_SAMPLES names. TORTURE_MUTANT names a defect to put in
force.
"""

import os
from pathlib import Path

from toolkit import standin
from toolkit.__main__ import main

standin.sample_folder = lambda name: Path(os.environ["TORTURE_SAMPLES"]) / name

if __name__ == "__main__":
    if name := os.environ.get("TORTURE_MUTANT"):
        from torture.wrong_runs import FRESH

        FRESH[name]()
    main()
