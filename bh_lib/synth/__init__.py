"""Synthetic data: a clinic that leaves an audit trail with an answer key, and a corpus of labelled notes."""

from bh_lib.synth.corpus import generate_notes, load_sentences, seed_examples, write_corpus
from bh_lib.synth.events import EventManifest, generate_events, write_events
from bh_lib.synth.labels import c_ssrs_level, present_flags
from bh_lib.synth.perturb import PERTURBATIONS, perturb
from bh_lib.synth.quality import Diversity, Pair, corpus_report, diversity, near_duplicates
from bh_lib.synth.seeds import Seed, SeedKind, Seeds, check_seeds, load_seeds, seeds_digest
from bh_lib.synth.split import Split, families_of, split_of
from bh_lib.synth.tamper import TAMPERINGS, tamper_log

__all__ = [
    "PERTURBATIONS",
    "TAMPERINGS",
    "Diversity",
    "EventManifest",
    "Pair",
    "Seed",
    "SeedKind",
    "Seeds",
    "Split",
    "c_ssrs_level",
    "check_seeds",
    "corpus_report",
    "diversity",
    "families_of",
    "generate_events",
    "generate_notes",
    "load_seeds",
    "load_sentences",
    "near_duplicates",
    "perturb",
    "present_flags",
    "seed_examples",
    "seeds_digest",
    "split_of",
    "tamper_log",
    "write_corpus",
    "write_events",
]
