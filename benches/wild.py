"""The wild cluster bootstrap beside wildboottest: 1e6 rows, 50 clusters, 9,999 draws.

    python benches/wild.py [--rows 1000000] [--draws 9999]

wildboottest gets the regressors without effects, the kindest case for it (it would turn effects into
dummies); kruispunt does the same, and also with persons and quarters swept out, quarters crossing the
clusters. P values are compared first. CPU seconds of this process.
"""

import argparse
import time

import numpy as np

import kruispunt as kp


def timed(work):
    """Give what `work` gives, and the CPU seconds it took."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def peer(x, y, region, draws):
    """Run wildboottest's machine."""
    from wildboottest.wildboottest import WildboottestCL

    restriction = np.zeros(x.shape[1])
    restriction[1] = 1
    boot = WildboottestCL(X=x, Y=y, cluster=region, R=restriction, B=draws, seed=1)
    boot.get_scores(bootstrap_type="11", impose_null=True)
    boot.get_weights(weights_type="rademacher")
    boot.get_numer()
    boot.get_denom()
    boot.get_tboot()
    boot.get_vcov()
    boot.get_tstat()
    boot.get_pvalue()
    return float(boot.pvalue)


def main() -> None:
    """Compare, then print one line a case."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--draws", type=int, default=9_999)
    asked = options.parse_args()
    n, rng = asked.rows, np.random.default_rng(1)
    person = np.arange(n) // 10
    region, quarter = person % 50, np.arange(n) % 40
    x = rng.normal(size=(n, 5))
    y = 0.004 * x[:, 0] + rng.normal(size=50)[region] * 0.01 * x[:, 0] + rng.normal(size=n)
    data = {f"x{at}": x[:, at] for at in range(5)}
    data |= {"y": y, "person": person, "region": region, "quarter": quarter}
    terms = " + ".join(f"x{at}" for at in range(5))
    full = np.column_stack([np.ones(n), x])
    theirs, their_seconds = timed(lambda: peer(full, y, region, asked.draws))
    print(f"wildboottest: p {theirs:.4f}, {their_seconds:.3f} s")
    for effects in ("", " | person", " | person + quarter"):
        fit = kp.feols(f"y ~ {terms}{effects}", data, vcov={"CRV1": "region"})
        test, seconds = timed(lambda fit=fit: fit.wildboottest(asked.draws, param="x0", seed=1))
        if not effects:
            gap = 4 * np.sqrt(2 * theirs * (1 - theirs) / asked.draws) + 1e-3
            assert abs(test["Pr(>|t|)"] - theirs) < gap, "the p values differ"
        print(
            f"kruispunt{effects}: p {test['Pr(>|t|)']:.4f}, {seconds:.3f} s, "
            f"wildboottest takes {their_seconds / seconds:.1f}x"
        )


if __name__ == "__main__":
    main()
