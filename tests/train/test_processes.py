"""Several processes share a training set: the first one measures its labels, and the others end as it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys
from pathlib import Path
from introbench.errors import InterruptedRunError
from introbench.train.arm import resolve_arm
from introbench.train.build import SetRequest
from introbench.train.processes import shared_training_set

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher ends the others with it
try:
    shared_training_set(SetRequest("scripted/oracle", ("hint_facts",), resolve_arm("kl,items=6"), folder), killed)
except InterruptedRunError as error:
    (folder / os.environ["RANK"]).write_text(str(error))
"""


@pytest.mark.slow
def test_the_others_end_resumably_where_the_first_one_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script, tmp_path],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=250,
        check=False,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "program.py"]
    assert "another process has died while labels were measured" in (tmp_path / "1").read_text()
