import subprocess
import sys

import pytest

from toolkit.errors import RunError
from toolkit.runs.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from toolkit.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_that_is_held_names_its_holder_and_a_killed_holder_lets_go(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    holder.stdout.readline()
    with pytest.raises(RunError, match=rf"in use by another run \(process {holder.pid} on "):
        locked(tmp_path).__enter__()
    holder.kill()
    holder.communicate()
    with locked(tmp_path):
        pass
