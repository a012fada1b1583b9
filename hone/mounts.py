"""The file system type of a folder, on Linux. File systems shared by several machines do not
support locks or shared memory.
"""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
SHARED = re.compile(
    r"nfs\d*|cifs|smb\d*|smbfs|afs|9p|ceph|lustre|gpfs|beegfs|glusterfs|fuse\.(?:sshfs|glusterfs|ceph\S*|s3fs|rclone|gcsfuse)"
)


def shared_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The file system type of a folder, such as nfs4, if other machines can mount it. Null if it is
    local.

    Also null on systems that do not list their mounts.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best, kind = -1, ""
    place = folder.resolve()
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        # Spaces and similar characters are octal escapes.
        point = Path(re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), fields[1]))
        if (
            place.is_relative_to(point) and len(point.parts) >= best
        ):  # a later mount covers an earlier one
            best, kind = len(point.parts), fields[2]
    return kind if SHARED.fullmatch(kind) else None
