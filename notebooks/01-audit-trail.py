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
# # The audit trail, from the first event to the proof
#
# An audit trail in behavioral health has to answer *who accessed what, when and why*. It must not leak what it guards, and nobody should
# be able to change it quietly: not an intruder, not an administrator, not the service that writes it.
#
# This notebook goes through the life of a trail:
#
# 1. **Write** events in the ways that an application needs, and tell a refusal from a breakdown.
# 2. **Redact**: see what becomes of identifiers that stray into free text.
# 3. **Prove**: the chain, a signed checkpoint, a proof for one single event.
# 4. **Tamper**, in a dozen ways, and see which are caught, and what it takes to catch the rest.
# 5. **Keep it for years**: rotation, pruning, and a store that fails for a while.
# 6. **Ask** it who did what.
#
# All people are made up. What it writes goes to `out/01-audit-trail` beside this notebook. Nothing needs a network.

# %%
# %matplotlib inline
import io
import json
import logging
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from bh_lib.emitters import (
    AuditConfig,
    AuditLogger,
    JsonlSink,
    ensure_key,
    export_ledger,
    ledger_files,
    prune,
    read_checkpoint,
    read_key,
    read_ledger,
    verify,
    write_checkpoint,
)
from bh_lib.emitters.ledger import check_event, prove_event
from bh_lib.emitters.sinks.sql import SqlSink
from bh_lib.errors import IntegrityError, SchemaError
from bh_lib.synth import tamper_log

OUT = Path("out/01-audit-trail")
shutil.rmtree(OUT, ignore_errors=True)  # a ledger is only ever appended to: each run begins new ones
OUT.mkdir(parents=True)
pd.set_option("display.max_colwidth", None)
HTML("<style>.dataframe th,.dataframe td{text-align:left!important}</style>")

# %% [markdown]
# ## 1. Write
#
# An application holds one `AuditLogger`. Its configuration says who writes, which metadata keys may pass, and which names to take out of
# free text. The sink says where events go: here a JSONL file, the *ledger*.

# %%
ledger = OUT / "clinic.jsonl"
config = AuditConfig(
    service="clinic-api",
    environment="notebook",
    metadata=["format", "pages"],
    names=["Ann Example"],
)
audit = AuditLogger(config, sink=JsonlSink(ledger))

nurse = {"subject_id": "usr-17", "subject_type": "human", "roles": ["nurse"]}
doctor = {"subject_id": "usr-23", "subject_type": "human", "roles": ["psychiatrist"]}
clerk = {"subject_id": "usr-40", "subject_type": "human", "roles": ["billing"]}
note = {"type": "Note", "id": "note-1", "patient_id": "pat-3"}
phi = {"phi_touched": True, "data_classification": "PHI"}

# %% [markdown]
# **An explicit call** is one event. What comes back is its receipt: the event's id, its place in the chain, and its hash.

# %%
# NBVAL_CHECK_OUTPUT
audit.login(actor=nurse)
receipt = audit.record("READ", actor=nurse, resource=note, purpose_of_use="TREAT", **phi)
print("place in the chain:", receipt.seq, "| length of the hash:", len(receipt.event_hash))

# %% [markdown]
# **A context manager** goes around a block of code and records what became of it. Leave the block normally, and it is SUCCESS. Leave it
# with a `PermissionError`, and it is DENIED: somebody was rightly refused. Any other exception is FAILURE: the system broke. An access
# review needs that difference, and a log that calls both "error" can't give it.

# %%
# NBVAL_CHECK_OUTPUT
with audit.access("UPDATE", actor=nurse, resource=note, **phi) as access:
    access.add(purpose_of_use="TREAT")  # what is known only in here

with suppress(PermissionError), audit.access("READ", actor=clerk, resource=note):
    raise PermissionError("billing may not read notes")

with suppress(TimeoutError), audit.access("READ", actor=doctor, resource=note, **phi):
    raise TimeoutError("no answer about pat-3, born 3/14/1988")

for event in list(read_ledger(ledger))[-3:]:
    print(event["actor"]["subject_id"], event["action"]["type"], json.dumps(event["outcome"]))

# %% [markdown]
# The exceptions' own words are in no event: they may quote a patient. Their class is, since a programmer wrote it.
#
# **A decorator** does the same for each call of a function. Put `@audit.access("READ", actor=…, resource=…)` above a function or a
# coroutine; here it wraps one that exists already.

# %%
# NBVAL_CHECK_OUTPUT
chart = {"note-1": "made up", "note-2": "made up as well"}
read_chart = audit.access("READ", actor=doctor, resource=note, purpose_of_use="TREAT", **phi)(
    chart.get
)
print(read_chart("note-1"), "|", read_chart("note-2"))
print("events by now:", audit.health()["accepted"])

# %% [markdown]
# **Calls with a name** fill in what their name implies. Emergency access ("break the glass") needs the nature of the emergency; a
# disclosure needs its recipient; what an AI agent does needs the human on whose authority it acts, and how that is known.

# %%
# NBVAL_CHECK_OUTPUT
audit.denied("EXPORT", reason="ConsentRequired", actor=clerk, resource=note)
audit.break_glass(
    "READ",
    actor=doctor,
    resource={"type": "Chart", "id": "chart-9", "patient_id": "pat-9"},
    emergency={"nature_code": "OVERDOSE", "review_due_at": "2026-12-01T09:00:00Z"},
    **phi,
)
audit.disclosure(
    actor=doctor,
    resource={"type": "Summary", "id": "sum-1", "patient_id": "pat-3", "sensitivity": ["42CFRPart2"]},
    disclosure={
        "recipient": {"id": "org-lab", "type": "program"},
        "description_code": "discharge-summary",
        "notice_sent": True,
    },
    consent={"id": "consent-12", "basis": "CONSENT"},
    metadata={"format": "pdf", "pages": 2},
)
session = {
    "acting": {"subject_id": "agent-5", "subject_type": "agent", "agent": {"interface": "mcp"}},
    "authorizing": {"subject_id": "usr-23", "subject_type": "human"},
    "delegation_type": "supervised",
    "agent_session_id": "session-1",
}
agent = {"subject_id": "agent-5", "subject_type": "agent"}
audit.agent_session("start", actor=agent, delegation=session, attribution="bound")
audit.agent_action(
    "READ", actor=agent, resource=note, delegation=session, attribution="bound", **phi
)
audit.override(actor=doctor, agent_session_id="session-1", name="cancel_agent_session")
audit.logout(actor=nurse)

shown = ["action.type", "outcome.status", "purpose_of_use", "delegation.authorizing.subject_id"]
events = pd.json_normalize(list(read_ledger(ledger)))
events[["actor.subject_id", *shown]].tail(7).fillna("")

# %% [markdown]
# **What doesn't hold the standard is refused**, before anything is written. The message names the place and the rule, never the value.

# %%
# NBVAL_CHECK_OUTPUT
try:
    audit.record("PEEK", actor=nurse, resource=note)
except SchemaError as error:
    print(error)
try:
    audit.record("READ", actor=nurse, resource=note, purpose_of_usee="TREAT")
except SchemaError as error:
    print(error)

# %% [markdown]
# ## 2. Redact
#
# Metadata passes by allowlist, single values only. Free text is scrubbed, then cut to length. On the left is what a careless caller
# handed over, on the right what is in the ledger.

# %%
# NBVAL_CHECK_OUTPUT
careless = "Ann Example (MRN 4471123, SSN 123-45-6789) on 3/14/2026; call 555-010-4477 or ann@example.org"
audit.record(
    "EXPORT",
    actor=clerk,
    resource=note,
    status="FAILURE",
    error_type="PrinterError",
    error_message=careless,
    metadata={"format": "pdf for Ann Example", "comment": "she seemed upset", "pages": [1, 2]},
    http={"method": "GET", "route_template": "/patients/{id}/export?mrn=4471123"},
)
written = list(read_ledger(ledger))[-1]
pd.DataFrame(
    [
        ["error_message", careless, written["outcome"]["error_message"]],
        ["metadata.format", "pdf for Ann Example", written["metadata"].get("format")],
        ["metadata.comment", "she seemed upset", "(not on the list: dropped)"],
        ["metadata.pages", "[1, 2]", "(not a single value: dropped)"],
        ["route_template", "/patients/{id}/export?mrn=4471123", written["http"]["route_template"]],
    ],
    columns=["field", "handed over", "in the ledger"],
).set_index("field")

# %%
# NBVAL_CHECK_OUTPUT
text = ledger.read_text("utf-8")
leaks = [word for word in ("Ann", "4471123", "6789", "4477", "upset", "3/14") if word in text]
print("identifiers found in the whole ledger:", leaks)
print("metadata entries held back:", audit.health()["metadata_dropped"])

# %% [markdown]
# Patterns have a reach. A name that nobody registered passes in free text, so give free text no chance: use codes
# (`error_type="PrinterError"`), and list names you know.
#
# ## 3. Prove
#
# Each event carries the hash of the one before it. Take any event of the ledger, and change it or take it away: those after it no
# longer fit.

# %%
for event in list(read_ledger(ledger))[:3]:
    links = event["integrity"]
    print(
        links["seq"],
        event["action"]["type"].ljust(7),
        links.get("prev_event_hash", "")[:12].ljust(13),
        "→",
        links["event_hash"][:12],
    )

# %%
# NBVAL_CHECK_OUTPUT
audit.close()
found = verify(ledger)
print(f"{found}: {found.events} events in {found.chains} chain")

# %% [markdown]
# CONSISTENT says that nothing contradicts itself. It is never COMPLETE, since nothing in a file can show that its last lines are
# missing. That takes a **checkpoint**: the ledger's size and the root of a Merkle tree over its events, signed, and kept where
# the ledger's writer can't reach it.

# %%
# NBVAL_CHECK_OUTPUT
key, anchor = OUT / "elsewhere/auditor.key", OUT / "elsewhere/clinic.checkpoint"
anchor.parent.mkdir()
ensure_key(key, "example.org/auditor")
write_checkpoint(ledger, anchor, key)
public = read_key(f"{key}.pub")

found = verify(ledger, anchor, key=public)
print(f"{found}: {found.anchored} of {found.events} events under the anchor, signature {found.signature}")

# %% [markdown]
# It is a small text file, in the form that transparency logs use (C2SP `tlog-checkpoint`): name, size, root, and the signature.

# %%
print(anchor.read_text("utf-8"))

# %% [markdown]
# **One event by itself.** A patient asks who opened the chart in an emergency. You can show that one event, and prove that it is in the
# trail, without showing any other: a handful of hashes lead from it to the checkpoint's root.

# %%
# NBVAL_CHECK_OUTPUT
events = list(read_ledger(ledger))
emergency = next(event for event in events if event.get("purpose_of_use") == "BTG")
proof = prove_event(ledger, emergency["event_id"])
check_event(emergency, proof, read_checkpoint(anchor))
print(f"event {proof.index + 1} of {proof.size}, proved with {len(proof.path)} hashes")

altered = {**emergency, "actor": nurse}
try:
    check_event(altered, proof, read_checkpoint(anchor))
except IntegrityError as error:
    print("and with another name in it:", error)

# %% [markdown]
# ## 4. Tamper
#
# Now do what an intruder would, each time to a copy. First six changes inside the file, by `tamper_log`. Then six by somebody who knows
# exactly how the chain works, has the code, and may write the file: they strip it, continue it in secret, empty it, link it anew from
# scratch, or put back an old copy.

# %%
attacked = OUT / "attacked"
attacked.mkdir()
lines = ledger.read_bytes().splitlines(keepends=True)
copies = {}
for kind, told in {
    "edit": "an outcome changed",
    "insert": "an event put in",
    "delete": "an event taken out",
    "reorder": "two events swapped",
    "strip": "one integrity block removed",
    "truncate": "the tail cut off",
}.items():
    copies[told] = attacked / f"{kind}.jsonl"
    tamper_log(ledger, copies[told], kind, seed=3)

copies["all integrity blocks removed"] = attacked / "bare.jsonl"
bare = [{key: value for key, value in event.items() if key != "integrity"} for event in events]
copies["all integrity blocks removed"].write_text(
    "".join(json.dumps(event) + "\n" for event in bare), "utf-8"
)

copies["two writers went on from one place (fork)"] = fork = attacked / "fork.jsonl"
fork.write_bytes(b"".join(lines[:8]))
sink = JsonlSink(fork)  # another writer, that saw only the first eight
sink.append(bare[9])
sink.close()
fork.write_bytes(fork.read_bytes() + b"".join(lines[8:]))

copies["emptied"] = attacked / "emptied.jsonl"
copies["emptied"].write_bytes(b"")

copies["an event left out, all linked anew"] = attacked / "rebuilt.jsonl"
sink = JsonlSink(copies["an event left out, all linked anew"])
sink.append_many(bare[:6] + bare[7:])
sink.close()

copies["a name changed, all linked anew, none missing"] = attacked / "rewritten.jsonl"
sink = JsonlSink(copies["a name changed, all linked anew, none missing"])
sink.append_many([{**event, "actor": clerk} if event["actor"] == nurse else event for event in bare])
sink.close()

copies["an older copy put back"] = attacked / "rolled-back.jsonl"
copies["an older copy put back"].write_bytes(b"".join(lines[:11]))
print(len(copies), "copies")

# %%
# NBVAL_CHECK_OUTPUT
rows = []
for told, copy in copies.items():
    alone, anchored = verify(copy), verify(copy, anchor, key=public)
    first = anchored.faults[0]
    where = f"line {first.line}: {first.rule}" if first.line else first.rule
    rows.append([told, alone.verdict.value, anchored.verdict.value, where])
table = pd.DataFrame(
    rows, columns=["done to the copy", "the ledger alone", "with the checkpoint", "first fault named"]
)
table.set_index("done to the copy")

# %% [markdown]
# Read the middle column. Inside the file nothing goes unseen. But whoever cuts the tail off, or writes the whole file anew, has one
# that agrees with itself, and the ledger alone then says CONSISTENT. **With the checkpoint each of them is BROKEN.** So take checkpoints
# often (each covers what was written before it), and keep them on another machine. What was written after the last one can still be
# cut off.
#
# Why sign it, if it is kept elsewhere? Because then it needn't be kept *secretly*: whoever swaps it can't sign another.

# %%
# NBVAL_CHECK_OUTPUT
forged_key, forged = OUT / "intruder/their.key", OUT / "intruder/forged.checkpoint"
forged.parent.mkdir()
ensure_key(forged_key, "example.org/auditor")  # the same name, another key
rebuilt = copies["an event left out, all linked anew"]
write_checkpoint(rebuilt, forged, forged_key)
print("forged checkpoint, signature not checked:", verify(rebuilt, forged))
print("forged checkpoint, checked with our key: ", verify(rebuilt, forged, key=public))

# %% [markdown]
# ## 5. Keep it for years
#
# ### Rotation
#
# A ledger grows. `rotate_bytes` closes the file at a size and goes on in a new one; the chain goes on with it, and a closed file's name
# says the place of its last event. Here is a trail of ten years, one event every week. (An event's time may be given, where it is
# known already.)

# %%
trail = OUT / "ten-years.jsonl"
first_anchor = OUT / "elsewhere/2018.checkpoint"
last_anchor = OUT / "elsewhere/2026.checkpoint"
begin = datetime(2016, 11, 1, 8, tzinfo=UTC)
with AuditLogger(
    AuditConfig(service="clinic-api"), sink=JsonlSink(trail, rotate_bytes=60_000)
) as old:
    for week in range(522):
        when = begin + timedelta(weeks=week)
        old.record("READ", actor=nurse, resource=note, timestamp=f"{when:%Y-%m-%dT%H:%M:%S}.000Z")
        if week == 100:
            write_checkpoint(trail, first_anchor, key)
write_checkpoint(trail, last_anchor, key)
for file in ledger_files(trail):
    print(file.name)

# %%
# NBVAL_CHECK_OUTPUT
found = verify(trail, [first_anchor, last_anchor], key=public)
print(f"{found}: {found.events} events in {found.chains} chain")

# %% [markdown]
# ### Retention
#
# Some day old events have to go. Deleting lines would break the chain, so `prune` removes them and keeps what later proofs need: where the
# chain stood, and for each checkpoint that you name the proof that its tree is the beginning of this one. Of what the removed events
# said, nothing is left. Pruning is an access too, and is recorded.

# %%
# NBVAL_CHECK_OUTPUT
with AuditLogger(
    AuditConfig(service="retention"), sink=JsonlSink(OUT / "prunings.jsonl")
) as prunings:
    done = prune(
        trail, "2020-11-01", anchor=[first_anchor, last_anchor], anchor_key=public, audit=prunings
    )
print(f"removed {done.removed}, kept {done.kept}; the proof is in {done.record.name}")
print("oldest event now:", next(read_ledger(ledger_files(trail)[0]))["timestamp"][:10])

found = verify(trail, [first_anchor, last_anchor], key=public)
print(f"{found}: {found.events} events, {found.pruned} pruned before them")

# %% [markdown]
# Even the checkpoint of 2018 still holds, though none of its events is there. And pruning is no way to hide a deletion: take the record
# away, or cut by hand, and the ledger is BROKEN.

# %%
# NBVAL_CHECK_OUTPUT
by_hand = OUT / "by-hand"
by_hand.mkdir()
for file in ledger_files(trail):
    shutil.copy(file, by_hand)
found = verify(by_hand / trail.name)
print(f"{found.verdict}: {found.faults[0].rule}: {found.faults[0].message}")

# %% [markdown]
# ### A store that fails for a while
#
# `durable` delivery (the default) means: when `record` returns, the event is in its sink, or the caller is told. With a **spool**, an event
# that the sink can't take goes to a local journal instead, and follows in its order when the sink is back. Here the sink is a database
# in a folder that isn't there yet.

# %%
# NBVAL_CHECK_OUTPUT
diagnostics = io.StringIO()
logging.getLogger("bh_lib.emitters").addHandler(logging.StreamHandler(diagnostics))

store = OUT / "store"
spooling = AuditConfig(service="clinic-api", spool=OUT / "spool.jsonl")
database = SqlSink(f"sqlite:///{store}/audit.db")
away = AuditLogger(spooling, sink=database)
for number in range(1, 6):
    away.record("READ", actor=nurse, resource={**note, "id": f"note-{number}"}, **phi)
health = away.health()
print({name: health[name] for name in ("accepted", "spooled", "replayed", "dropped", "pending")})

# %%
# NBVAL_CHECK_OUTPUT
store.mkdir()  # the store is back
print("all delivered:", away.drain(5.0))
away.record("READ", actor=nurse, resource={**note, "id": "note-6"}, **phi)
health = away.health()
print({name: health[name] for name in ("accepted", "spooled", "replayed", "dropped", "pending")})

copy = OUT / "from-the-database.jsonl"
print(export_ledger(database, copy), verify(copy))
print([event["resource"]["id"] for event in read_ledger(copy)])
away.close()

# %% [markdown]
# In order, and each once. **Queued** delivery doesn't let the caller wait: a bounded queue takes the event, a thread carries it on. It
# promises less, since a process that is killed loses what is queued, so it suits what is many and minor. What can't be kept is counted.

# %%
# NBVAL_CHECK_OUTPUT
hasty = AuditConfig(service="clinic-api", delivery="queued", on_failure="drop")
nowhere = SqlSink(f"sqlite:///{OUT}/nowhere/audit.db")  # this one stays away
queue = AuditLogger(hasty, sink=nowhere)
receipts = [queue.record("READ", actor=nurse, resource=note) for _ in range(3)]
queue.drain(5.0)
health = queue.health()
print("places in the chain:", [receipt.seq for receipt in receipts])
print({name: health[name] for name in ("accepted", "dropped", "pending", "healthy")})
queue.close()

# %% [markdown]
# And what did the library log about all that went wrong? Event ids, the sink, the kind of error. Nothing else.

# %%
# NBVAL_CHECK_OUTPUT
said = diagnostics.getvalue()
print(said.splitlines()[0].split(" ", 2)[2])
print("names of people or charts in it:", any(word in said for word in ("usr-", "note-", "pat-")))

# %% [markdown]
# ## 6. Ask: who did what?
#
# Back to the ledger of the first part. The question of an access review, as a table:

# %%
# NBVAL_CHECK_OUTPUT
frame = pd.json_normalize(list(read_ledger(ledger)))
frame["why"] = frame.get("purpose_of_use").fillna("")
who_did_what = (
    frame.groupby(
        ["actor.subject_id", "action.type", "resource.type", "outcome.status", "why"], dropna=False
    )
    .size()
    .rename("times")
    .reset_index()
    .rename(columns=lambda name: name.split(".")[0])
)
who_did_what.set_index(["actor", "action"])

# %%
outcomes = frame.groupby(["actor.subject_id", "outcome.status"]).size().unstack(fill_value=0)
outcomes = outcomes.reindex(columns=["SUCCESS", "DENIED", "FAILURE"]).loc[
    lambda table: table.sum(axis=1).sort_values().index
]
colours = {"SUCCESS": "#9fb9cc", "DENIED": "#d98032", "FAILURE": "#7a2f2f"}
figure = Figure(figsize=(8, 0.9 + 0.45 * len(outcomes)), layout="constrained")
axes = figure.add_subplot()
left = pd.Series(0, index=outcomes.index)
for status, colour in colours.items():
    bars = axes.barh(outcomes.index, outcomes[status], left=left, color=colour, label=status)
    axes.bar_label(
        bars,
        [f"{count}" if count else "" for count in outcomes[status]],
        label_type="center",
        color="black" if status == "SUCCESS" else "white",
    )
    left += outcomes[status]
axes.set(xticks=[])
axes.spines[:].set_visible(False)
axes.legend(frameon=False, ncols=3, loc="upper left", bbox_to_anchor=(0, -0.02))
denied = outcomes["DENIED"]
axes.set_title(
    f"{len(frame)} events, {denied.sum()} refusals: {denied.max()} to {denied.idxmax()}",
    loc="left",
)
figure

# %% [markdown]
# The clerk was refused twice, and once the printer broke: two facts of different kinds, because DENIED was never written as FAILURE.
#
# Whoever reads an audit trail is part of it. That a review took place is an event (`bh audit review` writes it by itself):

# %%
# NBVAL_CHECK_OUTPUT
with AuditLogger(config, sink=JsonlSink(ledger)) as again:
    again.review(actor={"subject_id": "usr-90", "subject_type": "human", "roles": ["privacy"]})
found = verify(ledger, anchor, key=public)
print(f"{found}: {found.events} events, the first {found.anchored} under the anchor")

# %% [markdown]
# It went on the same chain, after a restart. The checkpoint covers what was there when it was taken; the next one will cover this too.
#
# ## Where to go next
#
# | You want to | Go to |
# |---|---|
# | run it in containers, behind gunicorn, in Lambda, with PostgreSQL | [docs/deploying.md](../docs/deploying.md) |
# | rotate, prune, and keep checkpoints | [docs/keeping.md](../docs/keeping.md) |
# | know what an intruder can do and what would show | [docs/threat-model.md](../docs/threat-model.md) |
# | come from bh-audit-logger or bh-fastapi-audit | [docs/migrating.md](../docs/migrating.md) |
# | audit every request of a web service | `docs/examples/clinic_app.py` |
# | sign and verify on the command line | `bh audit checkpoint FILE …`, `bh audit verify FILE --anchor …` |
# | find accesses that nothing explains | `bh audit review FILE --unexplained` |
#
# The trail shows who did what with a record. Whether it was right is for people to judge.
