"""Writes expected.json: distribution functions to 50 digits with mpmath."""

import json
from pathlib import Path

import mpmath as mp

mp.mp.dps = 60


def t_sf(t, df):
    return mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2


def f_sf(f, a, b):
    return mp.betainc(b / 2, a / 2, 0, b / (b + a * f), regularized=True)


def f_cdf(f, a, b):
    return mp.betainc(a / 2, b / 2, 0, a * f / (b + a * f), regularized=True)


def normal_sf(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def upper_root(sf, tail):
    """The x > 0 with sf(x) = tail, by bisection."""
    low, high = mp.mpf(0), mp.mpf(1)
    while sf(high) > tail:
        high *= 2
    for _ in range(120):
        mid = (low + high) / 2
        low, high = (mid, high) if sf(mid) > tail else (low, mid)
    return low


def normal_quantile(p):
    if p < 0.5:
        return -upper_root(normal_sf, p)
    return upper_root(normal_sf, 1 - p)


def t_quantile(p, df):
    return upper_root(lambda t: t_sf(t, df), 1 - p)


FUNCTIONS = {
    "normal_sf": normal_sf,
    "normal_quantile": normal_quantile,
    "t_sf": t_sf,
    "t_quantile": t_quantile,
    "f_sf": f_sf,
    "f_cdf": f_cdf,
    "chi2_sf": lambda x, k: mp.gammainc(k / 2, x / 2, mp.inf, regularized=True),
    "chi2_cdf": lambda x, k: mp.gammainc(k / 2, 0, x / 2, regularized=True),
}
GRID = (
    [("normal_sf", (x,)) for x in (-5.0, -0.5, 0.25, 1.0, 1.96, 5.0, 12.0, 37.0)]
    + [("normal_quantile", (p,)) for p in (1e-300, 1e-20, 0.025, 0.3, 0.975)]
    + [
        ("t_sf", (t, df))
        for t in (0.0625, 1.0, 2.0, 6.0, 40.0)
        for df in (1.0, 2.0, 3.5, 9.0, 30.0, 499.0, 2e4, 1e6)
    ]
    + [("t_quantile", (0.975, df)) for df in (1.0, 2.0, 9.0, 499.0)]
    + [
        (name, (f, a, b))
        for name in ("f_sf", "f_cdf")
        for f in (0.125, 1.0, 4.0, 25.0)
        for a, b in ((1.0, 5.0), (3.0, 40.0), (12.0, 1000.0), (50.0, 7.0))
    ]
    + [
        (name, (x, k))
        for name in ("chi2_sf", "chi2_cdf")
        for x in (0.01, 1.0, 8.0, 60.0, 200.0)
        for k in (1.0, 3.0, 10.0, 75.0)
    ]
)

rows = [
    {
        "function": name,
        "args": [repr(arg) for arg in args],
        "value": mp.nstr(FUNCTIONS[name](*map(mp.mpf, args)), 25),
    }
    for name, args in GRID
]
out = {"source": f"mpmath {mp.__version__}, 60 digits", "rows": rows}
Path(__file__).with_name("expected.json").write_text(json.dumps(out, indent=1) + "\n")
