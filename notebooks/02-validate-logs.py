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
# # Is this log fit to rely on?
#
# An audit log is evidence, so it is checked before anybody builds on it: an access review, a report to a patient, a model. This notebook
# takes a clinic's log, runs the **Great Expectations** suite of `bh_lib.checks` over it, then plants one fault after another in copies of
# it, and sees which expectation catches which.
#
# You will see how to
#
# 1. check a log and read what comes back, down to the ids of the events behind each failure;
# 2. open the **Data Docs**, a small website of the results that holds no value of any event;
# 3. stop a job with the **gate** when the log isn't sound;
# 4. check a log in Parquet or in a database just so.
#
# Everything is synthetic and goes to `out/02-validate-logs` beside this notebook.

# %%
# %matplotlib inline
import json
import shutil
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from bh_lib.checks import check_events, require_critical
from bh_lib.emitters import verify
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import GateError
from bh_lib.synth import tamper_log, write_events

OUT = Path("out/02-validate-logs")
shutil.rmtree(OUT, ignore_errors=True)
pd.set_option("display.max_colwidth", None)
HTML("<style>.dataframe th,.dataframe td{text-align:left!important}</style>")

# %% [markdown]
# ## A clinic's log
#
# `write_events` simulates a clinic for a few days. The log is chained: each event carries the hash of the one before it. Misuse is hidden
# in it, and two of the hidden cases are faults of the log itself: a service whose **clock runs behind**, and a service that **falls
# silent**. `answer_key.json` knows which events those are.

# %%
# NBVAL_CHECK_OUTPUT
log = OUT / "log/events.jsonl"
manifest = write_events(OUT / "log", 4_000, seed=7)
cases = json.loads((OUT / "log/answer_key.json").read_text("utf-8"))["cases"]
events = {(event := json.loads(line))["event_id"]: event for line in log.open(encoding="utf-8")}
print(f"{len(events):,} events over {manifest.days} days; the chain is {verify(log)}")

# %% [markdown]
# ## Check it
#
# Each expectation comes with a reason and a severity. *Critical*: nothing should be built on such a log. *Warning*: a person should look.
# A result holds counts and ids of events, never a value, so it can be sent to whoever mends the system.

# %%
# NBVAL_CHECK_OUTPUT
report = check_events(log, OUT / "docs")
print(f"{len(report.outcomes) - len(report.failed())} of {len(report.outcomes)} expectations hold")
print("critical failures:", len(report.failed("critical")))
pd.DataFrame(
    [(outcome.column, outcome.unexpected, outcome.reason) for outcome in report.failed()],
    columns=["column", "events against it", "why it is expected"],
)

# %% [markdown]
# No critical failure: the log can be relied on. The warnings are four questions to ask. Two are about the people, and belong to the access
# review (notebook 05). Two are about the log. Are they what was hidden in it?

# %%
# NBVAL_CHECK_OUTPUT
rows = {outcome.column: outcome.rows for outcome in report.failed()}
hidden = {case["scenario"]: case for case in cases}
late, planted = set(rows["behind_seconds"]), set(hidden["clock_skew"]["event_ids"])
print(f"clock behind: {len(late)} events found, {len(planted)} hidden, {len(late & planted)} the same")
(beat,) = (events[event_id] for event_id in rows["beat_gap"])
edge = events[hidden["log_gap"]["event_ids"][-1]]
print("silent service found:", beat["service"]["name"], "| hidden:", edge["service"]["name"])

# %% [markdown]
# From an id to the event is one look-up. These are the first events whose clock ran behind:

# %%
pd.DataFrame(
    [
        {
            "timestamp": events[event_id]["timestamp"],
            "service": events[event_id]["service"]["name"],
            "action": events[event_id]["action"]["type"],
            "event": event_id,
        }
        for event_id in rows["behind_seconds"][:4]
    ]
)

# %% [markdown]
# ## Data Docs
#
# Great Expectations writes its results as web pages: what was expected, what was found, and which events are against it. Here they need
# nothing from the web and hold no value. Open the page below in a browser.

# %%
HTML(f'<a href="{report.docs}">Open the Data Docs</a>')

# %%
# NBVAL_CHECK_OUTPUT
pages = [page.read_text("utf-8") for page in report.docs.parent.rglob("*.html")]
print("ids of the late events in the Data Docs:", all(any(row in page for page in pages) for row in late))
patients = {event["resource"]["patient_id"] for event in events.values() if "patient_id" in event.get("resource", {})}
print("patients in the Data Docs:", sum(patient in page for patient in patients for page in pages))

# %% [markdown]
# ## Plant faults
#
# Now the same log with one fault at a time, as a broken or careless system would write it. Each copy has a single bad event, the same one
# (the hash chain is taken out of these copies, so that the chain doesn't give every one of them away):
#
# - **no reason**: a denial that doesn't say why;
# - **PHI in a column**: an error message that quotes a social security number;
# - **raw path**: the path that was asked for, with an identifier in it, in place of the route's template;
# - **twice**: an event that was delivered two times;
# - **nobody**: an event without an actor;
# - **no time zone**: a timestamp that doesn't say where it was taken.
#
# And three that an intruder would make, with the chain left in: an event **edited**, **deleted**, **stripped** of its hash.

# %%
plain = [{key: value for key, value in event.items() if key != "integrity"} for event in events.values()]
place = next(number for number, event in enumerate(plain) if event["action"]["type"] == "READ" and "http" in event)
bad = plain[place]
denied = {"status": "DENIED"}
copies = {
    "no reason": [bad | {"outcome": denied}],
    "PHI in a column": [
        bad | {"outcome": denied | {"error_type": "NotFound", "error_message": "no user 123-45-6789"}}
    ],
    "raw path": [bad | {"http": bad["http"] | {"route_template": "/patients/004711/notes"}}],
    "twice": [bad, bad],
    "nobody": [{key: value for key, value in bad.items() if key != "actor"}],
    "no time zone": [bad | {"timestamp": bad["timestamp"].rstrip("Z")}],
}
found = {"as it was": report}
for name, changed in copies.items():
    copy = OUT / f"planted/{name}.jsonl"
    copy.parent.mkdir(exist_ok=True)
    lines = [json.dumps(event) + "\n" for event in [*plain[:place], *changed, *plain[place + 1 :]]]
    copy.write_text("".join(lines), "utf-8")
    found[name] = check_events(copy)
for kind in ("edit", "delete", "strip"):
    copy = OUT / f"planted/{kind}.jsonl"
    tamper_log(log, copy, kind, seed=7)
    found[kind] = check_events(copy)

# %%
# NBVAL_CHECK_OUTPUT
pd.DataFrame(
    [
        (
            name,
            ", ".join(outcome.column for outcome in result.failed("critical")) or "nothing",
            all(bad["event_id"] in outcome.rows for outcome in result.failed("critical"))
            if name in copies
            else "",
        )
        for name, result in found.items()
    ],
    columns=["planted", "critical expectations that caught it", "names the event"],
).set_index("planted")

# %% [markdown]
# Every planted fault is caught but one: **edit**. There an event's words were changed and its stored hash left as it was. The links between
# the hashes still fit, and this suite doesn't compute hashes again; that is the work of `verify`, which reads the same file:

# %%
# NBVAL_CHECK_OUTPUT
for kind in ("edit", "delete", "strip"):
    print(f"{kind:7} {verify(OUT / f'planted/{kind}.jsonl')}")

# %% [markdown]
# So run both: `bh audit verify` for proof, `bh audit check` for quality. The same at a glance, all expectations against all copies:

# %%
columns = [outcome.column for outcome in report.outcomes]
marks = pd.DataFrame(
    {
        name: [0 if outcome.success else 1 if outcome.severity == "warning" else 2 for outcome in result.outcomes]
        for name, result in found.items()
    }
)
labels = [f"{outcome.column}: {outcome.expectation.removeprefix('expect_').replace('_', ' ')}" for outcome in report.outcomes]
labels = [label if len(label) < 58 else label[:56] + "…" for label in labels]
figure = Figure(figsize=(9.5, 6.4), layout="constrained")
axes = figure.add_subplot()
axes.imshow(marks, cmap="Blues", vmin=0, vmax=2.6, aspect="auto")
for (row, column), mark in marks.stack().items():
    at = list(marks).index(column)
    axes.text(at, row, ("", "warning", "fails")[mark], ha="center", va="center", fontsize=8, color="white" if mark == 2 else "#1c1c1c")
axes.set_xticks(range(len(found)), list(found), rotation=35, ha="right")
axes.set_yticks(range(len(labels)), labels, fontsize=8)
axes.spines[:].set_visible(False)
axes.tick_params(length=0)
caught = sum(bool(result.failed("critical")) for name, result in found.items() if name != "as it was")
axes.set_title(
    f"{caught} of {len(found) - 1} planted faults fail a critical expectation; an edited event needs verify",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# ## The gate
#
# `require_critical` lets a report through or raises. Put it between the check and whatever relies on the log; the lab does so before it
# trains. The message names expectation and column, never a value.

# %%
# NBVAL_CHECK_OUTPUT
print("as it was:", require_critical(found["as it was"]).rows, "events may pass")
try:
    require_critical(found["PHI in a column"])
except GateError as error:
    print("PHI in a column:", error)

# %% [markdown]
# ## Parquet, SQLite, PostgreSQL
#
# The same call takes `events.parquet`, or the URL of a database that a `SqlSink` writes to; a database is only read. For PostgreSQL the
# URL is `postgresql://auditor@host/trail`.

# %%
# NBVAL_CHECK_OUTPUT
write_events(OUT / "parquet", 4_000, seed=7, format="parquet", chain=False)
url = f"sqlite:///{OUT}/trail.db"
sink = SqlSink(url)
sink.append_many([*plain[:500], plain[500] | {"outcome": denied}])
sink.close()
print("Parquet:", check_events(OUT / "parquet/events.parquet").rows, "events")
stored = check_events(url)
print("SQLite: ", stored.rows, "events;", [outcome.column for outcome in stored.failed("critical")], "fails")

# %% [markdown]
# ## What this can't tell
#
# - An expectation sees what is in the log. An access that was never logged is in no log; heartbeats show a silence, not a lie.
# - `PHI in a column` looks for shapes: SSN, telephone, e-mail, MRN, full date. A name in an error message has no shape. Keep free text
#   out of the log in the first place: `AuditLogger` scrubs it, and passes metadata by allowlist (notebook 01).
# - Whether an access was right is for notebook 05, and for people.
#
# On the command line: `bh audit check FILE --docs DIR` ends with status 1 where a critical expectation fails.
