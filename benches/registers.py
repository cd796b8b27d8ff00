"""Synthetic registers by scale: seconds and memory, against the bars of 5 s and 60 s.

There is no peer; the bars are the project's own: `chair` under 5 s and 1 GiB, `bench` under 60 s.
"""

from __future__ import annotations

import harness


def main() -> None:
    """Make the registers once, in this process, or all scales in processes of their own."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--scales", nargs="+", default=["mini", "test", "chair", "bench"])
    options = parser.parse_args()
    if options.engine:
        import kruispunt as kp

        world, figures = harness.timed(
            lambda: kp.synth.registers(options.engine, seed=1, imperfections="all", progress=False)
        )
        harness.child({"rows": sum(len(world[name]) for name in world.names)}, figures)
        return
    harness.compare(
        "registers",
        dict.fromkeys(options.scales, "kruispunt"),
        options,
        agree=lambda _, answer: f"{answer['rows']:,} rows",
    )


if __name__ == "__main__":
    main()
