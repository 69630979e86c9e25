"""How varied the seed corpus is, beside a template baseline: distinct n-grams, and the nearest neighbour by embedding.

    python tests/benchmarks/diversity.py [--seeds data_synthetic/seeds]

For each flag: its statements, and as many sentences refilled from twelve templates with the flag's own name, who says it and for
how long. Nearest: the mean over texts of the cosine with the most similar other text of the flag, by all-MiniLM-L6-v2. Lower is
more varied. Run by hand; needs the `train` extra.
"""

from __future__ import annotations

import argparse
from itertools import product
from random import Random
from statistics import fmean

import numpy as np

from bh_lib.lab.encoder import Encoder
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth import SeedKind, diversity, load_seeds

TEMPLATES = (
    "{who} reports {what} for {time}.", "{who} endorses {what} since {time}.", "{who} describes {what} over {time}.",
    "{what} noted by {who} for {time}.", "{who} presents with {what} x {time}.", "Over {time}, {who} has shown {what}.",
    "{who} is struggling with {what}, {time}.", "{who} says there has been {what} for {time}.", "For {time} {who} has had {what}.",
    "{who} admits {what} during {time}.", "{who} came in for {what} after {time}.", "{who} had {what} again, {time} now.",
)  # fmt: skip
WHO = ("Patient", "Client", "He", "She", "They", "The veteran", "Mother", "The student")
TIME = ("two days", "a week", "three weeks", "a month", "the winter", "years")


def nearest(encoder: Encoder, texts: list[str]) -> float:
    """Mean cosine with the most similar other text."""
    vectors = np.asarray(encoder.embed(texts))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1.0)
    return float(alike.max(axis=1).mean())


def main() -> None:
    """Print a line a flag, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds")
    seeds = load_seeds(parser.parse_args().seeds)
    encoder, rows = Encoder.prepare(), []
    print(f"{'flag':8} {'n':>4}   {'distinct-2':>18}   {'nearest by embedding':>22}")
    print(f"{'':15}{'written':>10} {'refilled':>8}{'written':>13} {'refilled':>10}")
    for flag in load_taxonomy():
        written = [seed.text for seed in seeds.of(SeedKind.STATEMENT) if seed.about == flag.flag_id]
        fillings = [t.format(who=w, what=flag.name.lower(), time=m) for t, w, m in product(TEMPLATES, WHO, TIME)]
        refilled = Random(flag.flag_id).sample(fillings, len(written))
        row = (
            diversity(written).distinct_2,
            diversity(refilled).distinct_2,
            nearest(encoder, written),
            nearest(encoder, refilled),
        )
        rows.append(row)
        print(f"{flag.flag_id:8} {len(written):>4}   {row[0]:10.3f} {row[1]:8.3f}{row[2]:13.3f} {row[3]:10.3f}", flush=True)
    means = [fmean(column) for column in zip(*rows, strict=True)]
    print(f"{'mean':15}{means[0]:10.3f} {means[1]:8.3f}{means[2]:13.3f} {means[3]:10.3f}")


if __name__ == "__main__":
    main()
