"""Writes expected.json from the files of NIST's Statistical Reference Datasets (StRD).

Usage: python make.py FOLDER, with Longley.dat, Filip.dat, Wampler1.dat to Wampler5.dat,
NoInt1.dat, NoInt2.dat, Norris.dat and Pontius.dat from https://www.itl.nist.gov/div898/strd/lls/.
The data and the certified values are in the public domain.
"""

import json
import re
import sys
from pathlib import Path

NAMES = "Longley Filip Wampler1 Wampler2 Wampler3 Wampler4 Wampler5 NoInt1 NoInt2 Norris Pontius"
sets = {}
for name in NAMES.split():
    lines = (Path(sys.argv[1]) / f"{name}.dat").read_text().splitlines()
    head = "\n".join(lines[:60])
    certified = re.findall(r"^\s+B(\d+)\s+(-?[\d.E+-]+)\s+([\d.E+-]+)\s*$", head, re.M)
    start = int(re.search(r"Data\s+\(lines\s+(\d+)", head).group(1))
    rows = [[float(v) for v in line.split()] for line in lines[start - 1 :] if line.strip()]
    sets[name] = {
        "coef": [float(b) for _, b, _ in certified],
        "se": [float(se) for _, _, se in certified],
        "y": [row[0] for row in rows],
        "x": [[row[j] for row in rows] for j in range(1, len(rows[0]))],
    }
out = {"source": "NIST StRD linear least squares, certified values", "sets": sets}
Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
