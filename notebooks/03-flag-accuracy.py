# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: -all
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How accurate is each flag?
#
# The sentinel raises 40 flags. One figure for all of them would hide that some are reliable and some are not, so this notebook looks at
# each flag by itself, with the uncertainty of its score, and then at the errors themselves.
#
# It judges the sentinel on **synthetic notes whose right answers are known**. Your own labelled notes can take their place: change one
# path. It runs without a trained model, on patterns, lexicon and rules (layers 1, 3 and 4); if `make demo` has left a trained layer 2
# in `../out`, it is compared at the end.
#
# Words used here: *sensitivity* (recall) is the share of real signals that were raised. *PPV* (precision) is the share of raised
# signals that were real. *F1* is high only where both are.

# %%
# %matplotlib inline
import shutil
from collections import Counter
from html import escape
from math import ceil
from pathlib import Path

import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure

from bh_lib.evaluate import (
    evaluate,
    flag_figure,
    flag_frame,
    level_figure,
    mistakes,
    pair,
    read_labelled,
    systems_frame,
    write_report,
)
from bh_lib.evaluate.metrics import MIN_GROUPS, MIN_SUPPORT
from bh_lib.schema.taxonomy import Severity, load_taxonomy
from bh_lib.sentinel import Sentinel, render
from bh_lib.synth import write_corpus

OUT = Path("out/03-flag-accuracy")
shutil.rmtree(OUT, ignore_errors=True)
taxonomy = load_taxonomy()
pd.set_option("display.max_colwidth", None)
HTML(  # text reads from the left, in tables too
    "<style>.dataframe th,.dataframe td,.bh th,.bh td{text-align:left!important}"
    ".bh pre{word-break:normal!important}</style>"
)

# %% [markdown]
# ## The notes
#
# `write_corpus` composes notes from statements written by hand and splits them by *seed family*: statements that were written as
# variants of one another never stand in two splits. So nothing in the test notes is a rewording of what a model was trained on.

# %%
# NBVAL_CHECK_OUTPUT
manifest = write_corpus(OUT / "corpus", 6_000, seed=3)
# Your own file can stand here: {"id", "text", "flags", "c_ssrs_level"} a line, JSON.
corpus = OUT / "corpus/test.jsonl"
notes = list(read_labelled(corpus))
print("every split has notes:", all(part["notes"] for part in manifest["splits"].values()))
print("the test split was read whole:", len(notes) == manifest["splits"]["test"]["notes"])
print(
    "every flag occurs in it:", set(taxonomy.ids) <= {flag for note in notes for flag in note.flags}
)

# %%
sentinel = Sentinel.load()
analyses = sentinel.analyze_batch([note.text for note in notes])
metrics = evaluate(notes, analyses)
low, high = metrics.critical["ci95"]["sensitivity"]
print(f"{metrics.n} test notes, {metrics.critical['support']} of them with a critical signal")
print(
    f"critical sensitivity {metrics.critical['sensitivity']:.2f} (95 % interval {low:.2f} to {high:.2f})"
)
print(f"critical PPV         {metrics.critical['ppv']:.2f}")

# %% [markdown]
# ## Flag by flag
#
# A bar is a flag's F1, and the line over it the 95 % interval, found by drawing the notes again and again (a bootstrap). A hatched bar
# has too few notes behind it to say anything. *n* is the number of notes that truly carry the flag. Where a bar is missing, the flag was
# never rightly raised. There the interval is missing too, but not the uncertainty: after no hit in *n* notes, a sensitivity of up to
# about 3/*n* is still possible.

# %%
frame = flag_frame(metrics)
enough = frame[frame["verdict"] == "ok"]
figure = flag_figure(metrics)
good, never = (enough["f1"] >= 0.8).sum(), (enough["f1"] == 0).sum()
figure.axes[0].set_title(
    f"Of {len(enough)} flags with enough notes, {good} reach F1 0.8; {never} were never rightly raised",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# The same as a table, weakest first. A flag that was never raised has no precision (shown as –): nothing raised, nothing to be right about.

# %%
columns = ["name", "severity", "recall", "precision", "f1", "low", "high", "support"]
weakest = enough.sort_values(["f1", "recall"])[columns].head(12)
weakest.style.format(precision=2, na_rep="–").set_uuid("weakest")

# %% [markdown]
# ## How many notes would it take?
#
# A flag's verdict is *insufficient* where fewer than ten notes, or notes of fewer than five seed families, carry it. That is the lowest
# bar. To know a sensitivity to within ten points either way takes just under a hundred notes that carry the flag (at a
# sensitivity of one half,
# the worst case: 1.96² × 0.5 × 0.5 / 0.1²). For the rarest flags, this is how large a corpus of this kind would have to be.

# %%
positives = ceil(1.96**2 * 0.25 / 0.1**2)
rare = frame.sort_values("support").head(8)
print(f"the lowest bar: {MIN_SUPPORT} notes of {MIN_GROUPS} families")
print(f"for ± 0.10: {positives} notes that carry the flag")
print("insufficient here:", ", ".join(frame.index[frame["verdict"] != "ok"]) or "none")
pd.DataFrame(
    {
        "signal": rare["name"],
        "notes with it, of " + format(len(notes), ","): rare["support"],
        "verdict": rare["verdict"],
        "notes needed for ± 0.10": [
            f"{ceil(positives * len(notes) / n):,}" if n else "none here" for n in rare["support"]
        ],
    }
)

# %% [markdown]
# ## Suicide risk: the level
#
# The sentinel also reads off a level on the order of the Columbia scale (C-SSRS): 0 none, 1 to 5 ideation of rising severity, 6 suicidal
# behavior. A wrong level isn't equally bad everywhere: read the cells **left of the diagonal** first. There the risk was read too low.

# %%
levels = metrics.c_ssrs.confusion
grave = sum(sum(row) for row in levels[4:])
overlooked = sum(row[0] for row in levels[4:])
too_low = sum(sum(row[:4]) for row in levels[4:]) - overlooked
exact = sum(levels[level][level] for level in range(7)) / metrics.c_ssrs.n
figure = level_figure(metrics)
figure.axes[0].set_title(
    f"Of {grave} notes at level 4 or above, {overlooked} are read as 0\n"
    f"and {too_low} more as 1 to 3; {exact:.0%} of all levels are exact",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# *QWK* (quadratic weighted kappa) sums up the matrix: 1 is full agreement, 0 is chance, and an error of two levels costs four times as
# much as one of one level. Sensitivity and PPV are given at the cut that matters for safety, level 4 and above.

# %%
scores = metrics.c_ssrs.to_dict()
pd.Series(
    {
        "QWK": scores["qwk"],
        "mean error, levels": scores["mae"],
        "off by more than one level": scores["off_by_more_than_one"],
        "sensitivity, level ≥ 4": scores.get("sensitivity_ge4"),
        "PPV, level ≥ 4": scores.get("ppv_ge4"),
    },
    name="C-SSRS",
).to_frame().style.format(precision=2, na_rep="–").set_uuid("levels")

# %% [markdown]
# ## The errors, worst first
#
# `mistakes` puts them in the order in which to look at them: missed critical flags, other misses, wrong levels, false alarms.

# %%
outcomes = pair(notes, analyses)
found = mistakes(outcomes)
counts = Counter((each.kind.name.lower().replace("_", " "), each.severity.name) for each in found)
errors = pd.Series(counts).unstack(fill_value=0)
order = [severity.name for severity in reversed(Severity) if severity.name in errors]
errors.reindex(columns=order, index=["miss", "level", "false alarm"], fill_value=0)

# %% [markdown]
# A missed flag is a place in a text, so look at the text. Below are misses of critical flags, one for each of the flags missed most
# often. First the words that carry the label, then the note as the sentinel reads it: solid lines were raised, dotted ones seen
# and held back. Ask: is a pattern missing, was the context misjudged, or is the label wrong?

# %%
text_of = {note.note_id: note.text for note in notes}
analysis_of = dict(zip(text_of, analyses, strict=True))
short = [each for each in found if each.flag_id and len(text_of[each.note_id]) < 500]
missed = [each for each in short if each.kind.name == "MISS" and each.severity is Severity.CRITICAL]
for flag, times in Counter(each.flag_id for each in missed).most_common(3):
    example = next(each for each in missed if each.flag_id == flag)
    text = text_of[example.note_id]
    words = " … ".join(
        f"<mark><b>{escape(text[start:end])}</b></mark>" for start, end in example.spans
    )
    why = (
        f"Seen, and held back: {escape(example.why.replace('_', ' '))}."
        if example.why
        else "Not seen."
    )
    name = escape(taxonomy[flag].name)
    display(HTML(f"<h4>Missed {times} times: {flag}, {name}</h4><p>{words}<br>{why}</p>"))
    display(render(text, analysis_of[example.note_id]))

# %% [markdown]
# The counts are of notes under 500 characters, which are quick to read. And now false alarms: what was raised and doesn't stand.
# Too many of these, and people stop reading alerts.

# %%
alarms = [each for each in short if each.kind.name == "FALSE_ALARM"]
for flag, times in Counter(each.flag_id for each in alarms).most_common(2):
    example = next(each for each in alarms if each.flag_id == flag)
    text = text_of[example.note_id]
    words = " … ".join(
        f"<mark><b>{escape(text[start:end])}</b></mark>" for start, end in example.spans
    )
    name = escape(taxonomy[flag].name)
    display(HTML(f"<h4>Raised wrongly {times} times: {flag}, {name}</h4><p>{words}</p>"))
    display(render(text, analysis_of[example.note_id]))

# %% [markdown]
# ## Slices: where a mean misleads
#
# The same scores, on parts of the corpus: a system built on clinical prose can look fine on average and fail on text messages. *n* is the
# number of notes of a kind; fewer of them carry a critical flag, so small differences mean nothing.

# %%
registers = pd.DataFrame(metrics.slices["register"]).T.dropna(subset="critical_sensitivity")
registers = registers.sort_values("critical_sensitivity")
found_share, overall = registers["critical_sensitivity"], metrics.critical["flag_sensitivity"]
names = [f"{name.replace('_', ' ')}  (n {int(n)})" for name, n in registers["n"].items()]
figure = Figure(figsize=(8, 0.7 + 0.38 * len(registers)), layout="constrained")
axes = figure.add_subplot()
bars = axes.barh(names, found_share, color="#2f6f9f")
axes.bar_label(bars, [f"{share:.0%}" for share in found_share], padding=4)
axes.axvline(overall, ymax=0.95, color="#d98032", linestyle="--")
axes.text(
    overall, len(registers) - 0.4, f"all: {overall:.0%}", color="#9a5514", ha="center", va="bottom"
)
axes.set(xlim=(0, 1.08), xticks=[], xlabel="share of critical flags that were raised")
axes.spines[:].set_visible(False)
worst, best = (name.replace("_", " ") for name in (registers.index[0], registers.index[-1]))
axes.set_title(
    f"Critical flags: {found_share.min():.0%} are found in {worst}s, {found_share.max():.0%} in {best}s\n",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# By how a mention stands. Where the flag stands, `raised` should be near 1; where it does not (denied, hypothetical, somebody else's,
# long past), near 0.

# %%
mentions = pd.DataFrame(metrics.slices["mention"]).T.astype({"n": int}).rename_axis("mention")
mentions.sort_values("raised", ascending=False).style.format({"raised": "{:.0%}"}).set_uuid(
    "mentions"
)

# %% [markdown]
# ## With the trained layer
#
# `bh demo` (or `make demo`) trains layer 2 and exports it to `out/demo/model`. Where it exists, the cell below runs the first 150 test
# notes through both systems. A difference on so few notes is a hint; `bh experiment compare` settles it.

# %%
model = Path("../out/demo/model")
some = notes[:150]
systems = {"layers 1, 3, 4": evaluate(some, analyses[:150])}
if (model / "manifest.json").is_file():
    trained = Sentinel.load(classifier=model)
    systems["all four layers"] = evaluate(some, trained.analyze_batch([note.text for note in some]))
else:
    print("No trained layer 2 is there yet: make demo")
table = systems_frame(systems).drop(columns="notes").T
table.style.format(precision=2, na_rep="–").set_uuid("systems")

# %% [markdown]
# ## Take it with you
#
# One call writes it all as a page without any note's text in it. On the command line: `bh sentinel evaluate YOURS.jsonl --out DIR`.

# %%
# NBVAL_CHECK_OUTPUT
write_report(OUT / "report.html", metrics, outcomes, title="Flag accuracy on synthetic test notes")
report = (OUT / "report.html").read_text("utf-8")
print("report written:", OUT / "report.html")
print("notes whose text is in it:", sum(note.text in report for note in notes))

# %% [markdown]
# ## What these figures can't tell
#
# - The notes are **synthetic**. They show whether a flag works at all, and which wordings it fails on; not how often it will be right in
#   your clinic, where people write otherwise and where signals are far rarer. PPV falls with rarity, whatever the sensitivity.
# - Labels were given by those who wrote the statements. Nobody measured how well two clinicians would agree on them.
# - A flag is a possible signal for a clinician to judge. It is never a diagnosis, and a note without a flag isn't a safe one.
#
# Next: label some notes of your own, point `corpus` above at them, and run this notebook again.
