"""Where a folder is mounted from."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.mounts import shared_file_system

MOUNTS = r"""/dev/vda / ext4 rw 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
//server/data /mnt/our\040data cifs rw 0 0
/dev/sdb /home/me/local ext4 rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
broken
/dev/sdc /srv ext4 rw 0 0
server:/srv /srv nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/hone", None),
        ("/home/me/.local/share/hone", "nfs4"),
        ("/home/me/local/hone", None),
        ("/homes/me", None),
        ("/mnt/our data/hone", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/srv/hone", "nfs"),
    ],
)
def test_the_innermost_mount_counts(folder: str, kind: str | None, tmp_path: Path):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert shared_file_system(Path(folder), tmp_path / "mounts") == kind


def test_a_system_that_lists_no_mounts(tmp_path: Path):
    assert shared_file_system(tmp_path, tmp_path / "none") is None


def test_doctor_warns_of_judgments_that_two_machines_could_damage(
    monkeypatch: pytest.MonkeyPatch, hone_home: Path
):
    from commands.doctor import command as doctor

    assert [line.kind for line in doctor.ledger()] == [doctor.OK]
    monkeypatch.setattr(
        "hone.mounts.shared_file_system", lambda folder: "nfs4" if folder == hone_home else None
    )
    (line,) = doctor.ledger()
    assert (line.kind, "network file system (nfs4)" in line.text) == (doctor.NOTE, True)
    monkeypatch.setenv("HONE_LEDGER", "postgresql+psycopg://me:hush@host/name")
    (line,) = doctor.ledger()
    assert (line.kind, line.text) == (
        doctor.OK,
        "judgments in postgresql+psycopg://me:***@host/name",
    )
