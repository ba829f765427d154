#!/usr/bin/env python3
"""Writes the files of a folder into a ZIP archive, executable, with the time of SOURCE_DATE_EPOCH: the same files give
the same archive. zip.py ARCHIVE FOLDER"""

import os
import sys
import time
import zipfile
from pathlib import Path

archive, folder = sys.argv[1], Path(sys.argv[2])
# ZIP knows no time before 1980.
stamp = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    for path in sorted(folder.iterdir()):
        entry = zipfile.ZipInfo(path.name, stamp)
        entry.external_attr = 0o100755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        out.writestr(entry, path.read_bytes())
