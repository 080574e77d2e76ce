"""Print the part of requirements.lock, with its hashes, that gazadata needs with these extras.

python tests/elsewhere/pins.py [EXTRA…]
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

needed: set[tuple[str, str]] = set()
todo = [("gazadata", extra) for extra in ("", *sys.argv[1:])]
while todo:
    name, extra = todo.pop()
    for need in map(Requirement, requires(name) or []):
        if need.marker is None or need.marker.evaluate({"extra": extra}):
            found = [(canonicalize_name(need.name), e) for e in ["", *need.extras]]
            todo += [one for one in found if one not in needed]
            needed.update(found)
names = {name for name, _ in needed}
lock = Path("requirements.lock").read_text(encoding="utf-8")
print("".join(pin for pin in re.split(r"^(?=\S)", lock, flags=re.M) if pin.split("==")[0] in names))
