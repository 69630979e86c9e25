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
# # Your own data
#
# How accurate are the flags on **your** notes? This notebook takes a file of labelled notes from elsewhere, with field names of its own,
# through everything: checks, scores, an error browser, agreement of two annotators, and robustness. It all happens on this machine:
# nothing is sent anywhere, and no report holds a note's text.
#
# The file is made up here, so that the notebook runs. To use yours, change `mine` and `fields` below and run it again.

# %%
# %matplotlib inline
import json
import shutil
from collections import Counter
from html import escape
from pathlib import Path
from random import Random

import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure

from bh_lib.checks import check_notes
from bh_lib.errors import InputError
from bh_lib.evaluate import agreement, evaluate_file, flag_frame, mistakes, pair, read_labelled, robustness
from bh_lib.schema.note import write_notes
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel import Sentinel, render
from bh_lib.synth import generate_notes

OUT = Path("out/06-your-own-data")
shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir(parents=True)
taxonomy = load_taxonomy()
pd.set_option("display.max_colwidth", None)
HTML(
    "<style>.dataframe th,.dataframe td,.bh th,.bh td{text-align:left!important}"
    ".bh pre{word-break:normal!important}</style>"
)

# %% [markdown]
# ## A file from elsewhere
#
# Say a clinic labelled 300 notes in a spreadsheet. It calls the text `body`, the labels `codes`, the C-SSRS level `columbia` and the kind
# of note `source`; a number is the only id. Saved as CSV, the codes of a note stand in one cell, with spaces between.

# %%
sheet = pd.DataFrame(
    {
        "no": number,
        "body": note.text,
        "codes": " ".join(note.flags),
        "columbia": note.c_ssrs_level,
        "source": note.register,
    }
    for number, note in enumerate(generate_notes(300, seed=21, split="test"), 1)
)
sheet.to_csv(OUT / "clinic.csv", index=False)
print(len(sheet), "rows:", ", ".join(sheet.columns))

# %% [markdown]
# The library reads **JSONL**, one note a line. From CSV or Parquet that is one step with pandas (`read_csv`, `read_parquet`); a cell with
# several codes becomes a list.

# %%
# NBVAL_CHECK_OUTPUT
mine = OUT / "clinic.jsonl"
rows = pd.read_csv(OUT / "clinic.csv", keep_default_na=False)
rows["codes"] = rows["codes"].str.split()
rows.to_json(mine, orient="records", lines=True, force_ascii=False)
fields = {"id": "no", "text": "body", "flags": "codes", "c_ssrs_level": "columbia", "register": "source"}
notes = list(read_labelled(mine, fields))
print(len(notes), "notes;", sum(bool(note.flags) for note in notes), "with a flag")

# %% [markdown]
# `fields` says which of their fields is which of ours: `id`, `text`, `flags`, `spans`, `c_ssrs_level`, `any_signal`, `register`, `group`.
# Only `text` and one kind of label are needed. Does your file just say *at risk* yes or no? Map it to `any_signal`; 0 and 1 will do.
#
# What is wrong in a file is named by its line and the rule, never by what stands there, for that may be a patient's words:

# %%
# NBVAL_CHECK_OUTPUT
broken = OUT / "broken.jsonl"
lines = mine.read_text("utf-8").splitlines()
lines[41] = json.dumps(json.loads(lines[41]) | {"codes": ["SH-999"]})
broken.write_text("\n".join(lines), "utf-8")
try:
    list(read_labelled(broken, fields))
except InputError as error:
    print(error.place, "|", error.rule)

# %% [markdown]
# ## Is the file fit to measure with?
#
# Scores on a poor file are poor scores. `check_notes` runs the suite for labelled notes: ids once, levels 0 to 6, no identifier of a person
# in the text, no note twice, all 40 flags somewhere. `write_notes` puts the notes into the library's own form first.

# %%
# NBVAL_CHECK_OUTPUT
write_notes(OUT / "notes.jsonl", notes)
report = check_notes(OUT / "notes.jsonl", OUT / "docs")
print("critical failures:", len(report.failed("critical")))
pd.DataFrame(
    [("yes" if outcome.success else "NO", outcome.severity, outcome.reason) for outcome in report.outcomes],
    columns=["holds", "severity", "what is expected"],
)

# %% [markdown]
# ## Score it
#
# One call reads, analyzes, scores and writes three files. On the command line:
#
# `bh sentinel evaluate clinic.jsonl --field id=no --field text=body --field flags=codes --field c_ssrs_level=columbia --out evaluation`

# %%
# NBVAL_CHECK_OUTPUT
sentinel = Sentinel.load()
metrics = evaluate_file(mine, sentinel, OUT / "evaluation", fields)
print("written:", ", ".join(sorted(path.name for path in (OUT / "evaluation").iterdir())))
written = (OUT / "evaluation/report.html").read_text("utf-8") + (OUT / "evaluation/errors.jsonl").read_text("utf-8")
print("notes whose text is in them:", sum(note.text in written for note in notes))

# %%
low, high = metrics.critical["ci95"]["sensitivity"]
print(f"critical signals: {metrics.critical['support']} notes")
print(f"sensitivity {metrics.critical['sensitivity']:.2f} (95 % interval {low:.2f} to {high:.2f}), PPV {metrics.critical['ppv']:.2f}")
HTML(f'<a href="{OUT}/evaluation/report.html">Open the report</a>')

# %% [markdown]
# With 300 notes most of the 40 flags are too rare to be judged one by one. The plot shows those that aren't; a line is the 95 % interval.
# Where it is long, the answer is: label more notes.

# %%
frame = flag_frame(metrics)
enough = frame[frame["support"] >= 12].sort_values("f1")
figure = Figure(figsize=(9, 0.9 + 0.34 * len(enough)), layout="constrained")
axes = figure.add_subplot()
names = [f"{flag}  {name}  (n {n})" for flag, name, n in zip(enough.index, enough["name"], enough["support"], strict=True)]
axes.barh(names, enough["f1"], color="#2f6f9f")
for place, (f1, least, most) in enumerate(enough[["f1", "low", "high"]].itertuples(index=False)):
    axes.plot([least, most], [place, place], color="#1c1c1c", linewidth=1.2)
axes.set(xlim=(0, 1.02), xlabel="F1")
axes.spines[["top", "right"]].set_visible(False)
axes.set_title(
    f"{len(enough)} of {len(frame)} flags have 12 notes or more; {(enough['f1'] >= 0.8).sum()} of them reach F1 0.8",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# ## Browse the errors
#
# `mistakes` lists them in the order in which to look: missed critical flags first. Set `wanted` to a flag of yours, and look at its errors
# in the text. A solid line was raised; a dotted one was seen and held back, with the reason in words.

# %%
analyses = sentinel.analyze_batch([note.text for note in notes])
found = mistakes(pair(notes, analyses))
text_of = {note.note_id: note.text for note in notes}
analysis_of = dict(zip(text_of, analyses, strict=True))
kinds = pd.DataFrame(Counter((each.flag_id, each.kind.name.lower().replace("_", " ")) for each in found if each.flag_id).items())
table = pd.DataFrame(kinds[0].tolist(), columns=["flag", "kind"]).assign(notes=kinds[1])
table = table.pivot(index="flag", columns="kind", values="notes").fillna(0).astype(int)
table.insert(0, "name", [taxonomy[flag].name for flag in table.index])
table.sort_values("miss", ascending=False).head(8)

# %%
wanted = None  # "SH-002", say; None shows the first miss of a critical flag and the first false alarm
shown = [each for each in found if each.flag_id and len(text_of[each.note_id]) < 700]
picked = [each for each in shown if each.flag_id == wanted][:5] or [
    next(each for each in shown if each.kind.name == kind) for kind in ("MISS", "FALSE_ALARM")
]
for each in picked:
    title = f"Note {each.note_id}: {each.kind.name.lower().replace('_', ' ')} of {each.flag_id}, {taxonomy[each.flag_id].name}"
    display(HTML(f"<h4>{escape(title)}</h4>"))
    display(render(text_of[each.note_id], analysis_of[each.note_id]))

# %% [markdown]
# Of each error ask: is a pattern missing, was the context misjudged, or is **the label wrong**? The last is common, and it is why the next
# part matters.

# %% [markdown]
# ## Would two people agree?
#
# No system can be more right than the labels are. Let a second person label the same notes, blind to the first. Here the second person is
# made up: she overlooks one label in eight, and now and then sees one more.
#
# *Kappa* is agreement beyond chance: 1 is full, 0 is none. It is computed for each domain, and of the level with weights.

# %%
# NBVAL_CHECK_OUTPUT
chance = Random(4)
second = OUT / "second.jsonl"
with second.open("w", encoding="utf-8") as out:
    for row in map(json.loads, mine.read_text("utf-8").splitlines()):
        kept = [code for code in row["codes"] if chance.random() > 1 / 8]
        more = [chance.choice(taxonomy.ids)] if chance.random() < 0.05 else []
        level = max(0, row["columbia"] - (chance.random() < 0.1))
        print(json.dumps(row | {"codes": sorted({*kept, *more}), "columbia": level}), file=out)
agreed = agreement(notes, read_labelled(second, fields))
print(f"{agreed.notes} notes, kappa {agreed.overall.kappa:.2f} over all flags, {agreed.level_kappa:.2f} of the level")
print(f"{len(agreed.disputed)} differences in {len({note for note, _ in agreed.disputed})} notes to talk about")

# %%
domains = pd.Series({name: share.kappa for name, share in agreed.domains.items()}).dropna().sort_values()
figure = Figure(figsize=(8, 0.9 + 0.36 * len(domains)), layout="constrained")
axes = figure.add_subplot()
bars = axes.barh([name.replace("_", " ") for name in domains.index], domains, color="#2f6f9f")
axes.bar_label(bars, [f"{kappa:.2f}" for kappa in domains], padding=4)
axes.set(xlim=(0, 1.1), xticks=[])
axes.spines[:].set_visible(False)
axes.set_title(
    f"The two agree least on {domains.index[0].replace('_', ' ')} (kappa {domains.iloc[0]:.2f})", loc="left", fontsize=11
)
figure

# %% [markdown]
# Go through the disputed notes together, write down the rule that you settle on, and label again. These flags are disputed most:

# %%
# NBVAL_CHECK_OUTPUT
disputed = Counter(flag for _, flag in agreed.disputed).most_common(5)
pd.DataFrame([(flag, taxonomy[flag].name, times) for flag, times in disputed], columns=["flag", "name", "times"])

# %% [markdown]
# ## Does the wording matter too much?
#
# A change that means nothing (capitals, a pronoun, a typing slip, shorthand) shouldn't change a verdict. `robustness` makes such changes to
# each note and counts the notes whose flags become others, and of them those that lose a critical one.

# %%
flips = robustness(sentinel.analyze, [note.text for note in notes[:120]])
shares = pd.DataFrame(
    {name: (flip.rate, flip.critical_lost, flip.n) for name, flip in flips.items() if flip.n},
    index=["flips", "critical lost", "n"],
).T.sort_values("flips")
figure = Figure(figsize=(8.5, 0.9 + 0.36 * len(shares)), layout="constrained")
axes = figure.add_subplot()
bars = axes.barh(shares.index, shares["flips"], color="#2f6f9f")
axes.bar_label(
    bars,
    [f"{row.flips:.0%} of {row.n:.0f} notes, {row.lost:.0f} lose a critical flag" for row in shares.rename(columns={"critical lost": "lost"}).itertuples()],
    padding=4,
    fontsize=9,
)
axes.set(xlim=(0, max(0.05, shares["flips"].max()) * 1.9), xticks=[])
axes.spines[:].set_visible(False)
worst = shares.index[-1]
axes.set_title(f"{worst.capitalize()} changes the verdict most often: {shares['flips'].iloc[-1]:.0%} of notes", loc="left", fontsize=11)
figure

# %% [markdown]
# ## What to do with it
#
# - **Report the interval**, not the figure alone. On your own notes it is the only one that counts.
# - **Few positives?** PPV on a file that was picked for its positives is too rosy. State how the notes were chosen.
# - **Send us no text.** An error is best reported with words that you made up for it.
#
# A flag is a possible signal for a clinician to judge, never a diagnosis; a note without a flag isn't a safe one.
