#!/usr/bin/env python3
"""Say how long ago each collector wrote its log."""

import os
import time

for name in ("espn", "hoopr", "bbref"):
    path = os.path.join("logs", f"{name}.log")
    if os.path.exists(path):
        print(f"{name}: {(time.time() - os.path.getmtime(path)) / 3600:.1f} h")
    else:
        print(f"{name}: healthy (no log)")
