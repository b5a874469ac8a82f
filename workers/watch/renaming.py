"""Renames that never replace anything, by folder descriptors."""

import ctypes
import errno
import os
from typing import Final

NO_REPLACE: Final = 1
"""RENAME_NOREPLACE of renameat2(2)."""
NOT_HERE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
"""What a kernel or a file system without that call answers."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


def rename_new(source: int, name: str, target: int, new_name: str) -> None:
    """Rename `name` in folder `source` to `new_name` in folder `target`; links are not followed.

    Raises FileExistsError where something has the new name, and OSError as `os.rename` does.
    """
    call = getattr(_libc, "renameat2", None)
    if call is not None:
        names = os.fsencode(name), os.fsencode(new_name)
        if call(source, names[0], target, names[1], NO_REPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in NOT_HERE:
            raise OSError(number, os.strerror(number), name)
    # Network folders may not know that call. Nobody else files here, by the folder's lock.
    if exists(target, new_name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new_name)
    os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)


def exists(folder: int, name: str) -> bool:
    """Say whether a folder has an entry of this name, be it a link that leads nowhere."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
