# SPDX-License-Identifier: Apache-2.0
"""Writes initramfs images (cpio, "newc"); needs no root, not even for devices."""
import os
import shutil
import stat


class Image:
    def __init__(self):
        self._parts = []
        self._seen = set()
        self._inode = 0

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self._inode += 1
        raw = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1],
                  len(raw), 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def folder(self, path):
        path = path.strip("/")
        if not path or path in self._seen:
            return
        self.folder(os.path.dirname(path))
        self._seen.add(path)
        self._entry(path, stat.S_IFDIR | 0o755)

    def data(self, path, data, mode=0o644):
        path = path.strip("/")
        if path in self._seen:
            return
        self.folder(os.path.dirname(path))
        self._seen.add(path)
        self._entry(path, stat.S_IFREG | mode, data)

    def file(self, path, source):
        """A file, or a folder with all that is in it; links are followed."""
        if os.path.isdir(source):
            for name in sorted(os.listdir(source)):
                self.file(os.path.join(path, name), os.path.join(source, name))
            return
        with open(source, "rb") as f:
            self.data(path, f.read(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def device(self, path, major, minor):
        self.folder(os.path.dirname(path))
        self._entry(path.strip("/"), stat.S_IFCHR | 0o600, rdev=(major, minor))

    def write(self, path):
        self._entry("TRAILER!!!", 0)
        part = f"{path}.part-{os.getpid()}"
        with open(part, "wb") as f:
            for data in self._parts:
                f.write(data)
            f.write(b"\0" * (-f.tell() % 512))
        os.replace(part, path)


def join(path, *parts):
    """An archive out of others: the kernel unpacks one after the other."""
    with open(path, "wb") as to:
        for part in parts:
            with open(part, "rb") as f:
                shutil.copyfileobj(f, to)
