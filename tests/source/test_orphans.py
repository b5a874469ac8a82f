"""Files of writers that died are removed, those of living ones never."""

import os
import subprocess
import sys
from pathlib import Path

from jobs.source.orphans import create, sweep

WRITER = """
import sys
from pathlib import Path
from jobs.source.orphans import create
stream, path = create(Path(sys.argv[1]), "part-", ".csv")
print(path, flush=True)
sys.stdin.read()
"""


def test_only_the_files_of_dead_writers_are_swept(tmp_path: Path) -> None:
    """What another process still writes stays; once it is killed its file is an orphan."""
    own, own_path = create(tmp_path, "part-")
    (tmp_path / "other.csv").touch()
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout is not None
        path = Path(writer.stdout.readline().strip())
        sweep(tmp_path, "part-")
        assert path.exists()
        writer.kill()
    sweep(tmp_path, "part-")
    assert sorted(tmp_path.iterdir()) == sorted([own_path, tmp_path / "other.csv"])
    own.close()


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Rows may be confidential."""
    stream, path = create(tmp_path, "part-", ".csv")
    stream.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_uid == os.getuid()
    assert path.suffix == ".csv"
