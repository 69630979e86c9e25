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
# # A tour of bh_lib
#
# Software in behavioral health has two promises to keep. The first: **whoever touched a record can be named later**, and the trail that
# names them can't be quietly changed. The second: **a sign of danger in a note is not overlooked**, and whoever is told of it sees why.
# `bh_lib` helps with both, and lets you measure how well it does.
#
# This notebook walks through the three flows in miniature, in under a minute:
#
# 1. **An audit trail** – simulate a clinic's log, check it, write a log of our own, tamper with a copy, and catch it.
# 2. **Safety signals in text** – read notes with the sentinel, see what it marks and why, and audit each reading.
# 3. **How good is it?** – score the sentinel on notes whose right answers are known.
#
# Everything here is synthetic: no real person's data, no network. What it writes goes to `out/00-tour` beside this notebook.

# %%
# %matplotlib inline
import json
import shutil
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from bh_lib.checks import check_events
from bh_lib.emitters import (
    AuditConfig,
    AuditLogger,
    JsonlSink,
    ensure_key,
    read_key,
    verify,
    write_checkpoint,
)
from bh_lib.evaluate import evaluate, systems_frame
from bh_lib.lab.inference import INFERENCE_METADATA, record_inference
from bh_lib.sentinel import Sentinel, render
from bh_lib.synth import TAMPERINGS, generate_notes, tamper_log, write_events

OUT = Path("out/00-tour")
shutil.rmtree(
    OUT, ignore_errors=True
)  # a ledger is only ever appended to, so each run of the tour starts a new one
pd.set_option("display.max_colwidth", None)
HTML(  # text reads from the left, in tables too
    "<style>.dataframe th,.dataframe td,.bh th,.bh td{text-align:left!important}"
    ".bh pre{word-break:normal!important}</style>"
)

# %% [markdown]
# ## 1. An audit trail
#
# ### A clinic, simulated
#
# `write_events` runs a small clinic for a few days: staff with shifts and caseloads, patients with appointments and consents. Nearly
# every access has a reason. Some don't: misuse is hidden in the log, and `answer_key.json` says where. The same seed gives the same log.

# %%
# NBVAL_CHECK_OUTPUT
manifest = write_events(OUT / "log", 3_000, seed=7)
cases = json.loads((OUT / "log/answer_key.json").read_text("utf-8"))["cases"]
people = manifest.people
print(
    f"{manifest.n:,} events, {manifest.days} days, {people['staff']} staff, {people['patients']} patients"
)
pd.DataFrame({"what shows it": {case["scenario"]: case["shows"] for case in cases}}).rename_axis(
    "hidden in the log"
)

# %% [markdown]
# ### Is the log sound?
#
# Before anybody relies on a log, check it. `check_events` runs a suite of Great Expectations over it and builds Data Docs, a small
# website with the results. An expectation is *critical* (nothing should be built on such a log) or a *warning* (a person should look).
# Results hold counts, never values, so they can be shared.

# %%
checked = check_events(OUT / "log/events.jsonl", OUT / "docs")
holding = len(checked.outcomes) - len(checked.failed())
print(f"{holding} of {len(checked.outcomes)} expectations hold. Data Docs: {checked.docs}")
pd.DataFrame(
    {
        "holds": ["yes" if outcome.success else "NO" for outcome in checked.outcomes],
        "severity": [outcome.severity for outcome in checked.outcomes],
        "column": [outcome.column for outcome in checked.outcomes],
        "why it is expected": [outcome.reason for outcome in checked.outcomes],
        "events against it": [outcome.unexpected for outcome in checked.outcomes],
    }
).sort_values("holds", kind="stable").head(8)

# %% [markdown]
# What doesn't hold is worth a look. Somebody opened charts in an emergency ("broke the glass"), and no review of it was ever scheduled.
# Is that one of the cases that the simulation hid?

# %%
# NBVAL_CHECK_OUTPUT
events = [json.loads(line) for line in (OUT / "log/events.jsonl").read_text("utf-8").splitlines()]
unreviewed = {
    event["event_id"]
    for event in events
    if "emergency" in event and "review_due_at" not in event["emergency"]
}
print(len(unreviewed), "emergency accesses have no review")
for case in cases:
    if found := unreviewed & set(case["event_ids"]):
        print(f"{len(found)} of them are of the hidden case {case['scenario']}: {case['shows']}")

# %% [markdown]
# ### Write your own
#
# In an application you hold one `AuditLogger` and call it once an action. `access` goes around a block of code and records what became
# of it: done, failed or denied. `denied` records a refusal. Each event is checked against the schema, cleaned of free text that nobody
# allowed, and **chained**: it carries the hash of the event before it.

# %%
ledger = OUT / "ledger.jsonl"
nurse = {"subject_id": "usr-17", "subject_type": "human", "roles": ["nurse"]}
clerk = {"subject_id": "usr-40", "subject_type": "human", "roles": ["billing"]}

with AuditLogger(
    AuditConfig(service="intake-api", environment="tour"), sink=JsonlSink(ledger)
) as audit:
    for number in range(1, 9):
        note = {"type": "Note", "id": f"note-{number}", "patient_id": "pat-3"}
        with audit.access(
            "READ",
            actor=nurse,
            resource=note,
            phi_touched=True,
            data_classification="PHI",
            purpose_of_use="TREAT",
        ):
            pass  # here the application reads the note
    audit.denied("READ", reason="RoleNotPermitted", actor=clerk, resource=note)
    # Metadata passes only where the configuration lists its key. This one isn't listed, so it never reaches the log.
    audit.record(
        "UPDATE", actor=nurse, resource=note, metadata={"comment": "patient says she can't sleep"}
    )
    health = audit.health()

# %%
# NBVAL_CHECK_OUTPUT
print(f"accepted: {health['accepted']} events; metadata held back: {health['metadata_dropped']}")
print("the comment is in the ledger:", "sleep" in ledger.read_text("utf-8"))
print("is the chain whole?", verify(ledger))

# %% [markdown]
# CONSISTENT means: every event holds, and follows the one before it. It can't mean more, since a ledger alone can't show that its last
# lines were cut off. For that you need something kept **elsewhere**: a *checkpoint*, which states the ledger's size and the root
# of its hashes, signed with a key that the ledger's writer doesn't have.

# %%
# NBVAL_CHECK_OUTPUT
key, anchor = OUT / "keys/auditor.key", OUT / "keys/ledger.checkpoint"
ensure_key(key)
write_checkpoint(ledger, anchor, key)
public = read_key(f"{key}.pub")
print(verify(ledger, anchor, key=public))

# %% [markdown]
# ### Tamper with it, and get caught
#
# `tamper_log` does to a copy what an intruder would. Here is every kind of it, verified without and with the checkpoint.

# %%
# NBVAL_CHECK_OUTPUT
rows = []
for kind in TAMPERINGS:
    copy = OUT / f"tampered/{kind}.jsonl"
    tamper_log(ledger, copy, kind, seed=7)
    rows.append([kind, verify(copy), verify(copy, anchor, key=public)])
table = pd.DataFrame(rows, columns=["done to the copy", "the ledger alone", "with the checkpoint"])
table.set_index("done to the copy").astype(str)

# %% [markdown]
# Every change inside the ledger breaks the chain, and the verifier names the line. Only the cut tail (`truncate`) passes as CONSISTENT
# without a checkpoint. That is why the checkpoint exists, and why it belongs on another machine.

# %% [markdown]
# ## 2. Safety signals in text
#
# `Sentinel.load()` needs the standard library alone: patterns (layer 1), an emotion lexicon (layer 3) and clinical rules (layer 4). A
# trained model, layer 2, can be added to it; notebook 03 shows how. This note was made up for the tour.

# %%
sentinel = Sentinel.load()
text = (
    "Reports thoughts of killing himself most nights this week. Denies homicidal ideation. "
    "Stopped taking his sertraline ten days ago. His brother attempted suicide in 2011. "
    "Feels hopeless about finding work, but his sister calls every evening."
)
analysis = sentinel.analyze(text)
render(text, analysis)

# %% [markdown]
# What is marked with a solid line was raised; a dotted line means *seen, and not raised*, with the reason: denied, somebody else's, long
# past. That is most of the work, since clinical text is full of dangers that are being ruled out. You can ask about any stretch of text:

# %%
# NBVAL_CHECK_OUTPUT
for sentence, words in {
    "Endorses suicidal ideation.": "suicidal ideation",
    "Denies suicidal ideation.": "suicidal ideation",
    "Her mother had suicidal ideation.": "suicidal ideation",
}.items():
    start = sentence.index(words)
    context = sentinel.qualify(sentence, start, start + len(words))
    print(f"{sentence:35} negated: {context.negated!s:6} whose: {context.experiencer.value}")

# %% [markdown]
# An analysis holds places, never text: it can be stored where the note itself may not go.

# %%
first = analysis.to_dict()["flags"][0]
wanted = ("flag_id", "name", "severity", "assertion", "experiencer", "spans")
print(json.dumps({field: first[field] for field in wanted}, indent=1))

# %% [markdown]
# ### Notes with known answers
#
# `generate_notes` composes notes from statements that were written by hand, and keeps the right answer with each. `split="test"` takes
# statements that no model is trained on. Here is one of them: first its label, then how the
# sentinel reads it. Compare them, and you find its first misses or false alarms yourself.

# %%
notes = list(generate_notes(400, seed=11, split="test"))
analyses = [sentinel.analyze(note.text, note.note_id) for note in notes]
shown = next(
    place
    for place, found in enumerate(analyses)
    if len(found.flags) > 1 and len(notes[place].text) < 600
)
print("label:", ", ".join(notes[shown].flags))
render(notes[shown].text, analyses[shown])

# %% [markdown]
# ### Reading a note is an access too
#
# A model that reads a chart belongs in the audit trail like a person who does. `record_inference` writes one event a note: which note,
# read by what, with which version. Not what the note says, nor what was found in it.

# %%
inferences = OUT / "inferences.jsonl"
with AuditLogger(
    AuditConfig(service="sentinel", metadata=INFERENCE_METADATA), sink=JsonlSink(inferences)
) as audit:
    for found in analyses:
        record_inference(audit, found.to_dict())

# %%
# NBVAL_CHECK_OUTPUT
written = inferences.read_text("utf-8")
print(f"{len(notes)} notes, {written.count(chr(10))} events; the chain is {verify(inferences)}")
sentences = {sentence for note in notes for sentence in note.text.split(". ") if len(sentence) > 15}
print("sentences of the notes in the ledger:", sum(sentence in written for sentence in sentences))
event = json.loads(written.splitlines()[0])
print(json.dumps({field: event[field] for field in ("action", "actor", "resource")}, indent=1))

# %% [markdown]
# ## 3. How good is it?
#
# A number without its uncertainty is a rumor, so each score comes with a 95 % interval, and with how many notes stand behind it.
# *Sensitivity* is the share of real signals that were raised; *PPV* the share of raised ones that were real.

# %%
metrics = evaluate(notes, analyses)
low, high = metrics.critical["ci95"]["sensitivity"]
print(
    f"Of {metrics.critical['support']} notes with a critical signal, {metrics.critical['sensitivity']:.0%} were flagged "
    f"(95 % interval {low:.0%} to {high:.0%})."
)
systems_frame({"layers 1, 3, 4": metrics}).T.style.format(precision=2).set_uuid("scores")

# %% [markdown]
# Does the sentinel tell a danger from one that is denied or somebody else's? Of all mentions of each kind, this is the share whose
# flag was raised. The upper bars, in blue, should be long; the lower ones, in orange, short.

# %%
mentions = pd.DataFrame(metrics.slices["mention"]).T
stands = mentions.index.str.endswith("flag stands")
mentions = pd.concat([mentions[~stands], mentions[stands]])
colours = ["#2f6f9f" if kind.endswith("flag stands") else "#d98032" for kind in mentions.index]
figure = Figure(figsize=(8, 0.6 + 0.42 * len(mentions)), layout="constrained")
axes = figure.add_subplot()
bars = axes.barh(
    [f"{kind}  (n {int(row.n)})" for kind, row in mentions.iterrows()],
    mentions["raised"],
    color=colours,
)
axes.bar_label(bars, [f"{share:.0%}" for share in mentions["raised"]], padding=4)
axes.set(xlim=(0, 1.08), xticks=[])
axes.spines[:].set_visible(False)
right = mentions.loc["present, flag stands", "raised"]
wrong = mentions.loc[mentions.index.str.endswith("not stand")]
share = (wrong["raised"] * wrong["n"]).sum() / wrong["n"].sum()
axes.set_title(
    f"Raised: {right:.0%} of what is present, {share:.0%} of what does not stand", loc="left"
)
figure

# %% [markdown]
# These are synthetic notes, and the sentinel ran without its trained layer. They tell you that the path works and where it is weak; they
# don't tell you how it will do on your notes. Only your own labelled notes do.
#
# ## Where to go next
#
# | You want to | Go to |
# |---|---|
# | see how accurate each flag is, and look at its errors | [03-flag-accuracy](03-flag-accuracy.ipynb) |
# | read the checks of the log in a browser | `notebooks/out/00-tour/docs/gx/uncommitted/data_docs/local_site/index.html` |
# | run the whole path, training and MLflow among it | `make demo`, or `bh demo --out out` |
# | score the sentinel on your own labelled notes | `bh sentinel evaluate YOURS.jsonl --out DIR` |
# | check and verify your own log | `bh audit check FILE`, `bh audit verify FILE --anchor FILE` |
# | see who looked at a patient's chart | `bh audit review FILE --patient ID` |
#
# The sentinel supports a decision; it never makes a diagnosis. A clinician decides.
