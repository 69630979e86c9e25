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
# # Who saw whom, and why?
#
# Most access to a patient's record has a reason: an appointment, a care team, a claim to be billed. A privacy officer looks for the rest.
# This notebook reviews a clinic's audit log the way `bh audit review` does:
#
# 1. the plain questions: who saw this patient, what was refused and why, who broke the glass, what was disclosed;
# 2. **unexplained access**: take away every access that the schedule, the care teams and the offices explain, and rank what is left;
# 3. how good that ranking is, for the simulation knows who the snoopers are;
# 4. the report for the officer, and the REVIEW event that the review itself leaves.
#
# An unexplained access is a question to ask, never a finding of misuse.

# %%
# %matplotlib inline
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, verify
from bh_lib.review import read_cases, record_review, review_log, score_alerts
from bh_lib.synth import write_events

OUT = Path("out/05-access-review")
shutil.rmtree(OUT, ignore_errors=True)
pd.set_option("display.max_colwidth", 60)
HTML("<style>.dataframe th,.dataframe td{text-align:left!important}</style>")

# %% [markdown]
# ## The log and its context
#
# The simulator writes three files: the chained log; `context.jsonl`, which is what a clinic's scheduling and staff systems would export
# (appointments, care teams, claims, the roster); and the answer key, which we leave closed until part 3.

# %%
# NBVAL_CHECK_OUTPUT
log, context = OUT / "log/events.jsonl", OUT / "log/context.jsonl"
manifest = write_events(OUT / "log", 20_000, seed=11)
people = manifest.people
print(f"{manifest.n:,} events, {manifest.days} days, {people['staff']} staff, {people['patients']} patients")

# %% [markdown]
# One call asks every question. A review begins with the proof: what the log says counts only if nobody changed it.

# %%
# NBVAL_CHECK_OUTPUT
review = review_log(log, context=context, limit=10_000)
print("the chain is", review.verdict)
pd.DataFrame(
    [(section.title, section.total) for section in review.sections], columns=["question", "rows"]
)

# %%
days = pd.DataFrame(review.by_day, columns=["day", "events", "denied"])
days["day"] = pd.to_datetime(days["day"])
figure = Figure(figsize=(9, 2.8), layout="constrained")
axes = figure.add_subplot()
axes.bar(days["day"], days["events"], color=["#9db8d2" if day.weekday() > 4 else "#2f6f9f" for day in days["day"]])
axes.spines[["top", "right"]].set_visible(False)
axes.set_ylabel("events")
axes.set_title(
    f"{days['events'].max():,} events on the busiest day; weekends are pale. {days['denied'].sum()} denials in all",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# ## Who saw this patient?
#
# The question that a patient may ask (and the first one after a complaint). Take the patient whom the most people have seen:

# %%
seen = Counter(row["patient"] for row in review.section("accesses").rows)
patient = min(seen, key=lambda name: (-seen[name], name))
about = review_log(log, patient=patient)
columns = ["actor", "roles", "events", "first", "last", "actions"]
print(f"{about.section('accesses').total} people and services reached the record of {patient}")
pd.DataFrame(about.section("accesses").rows)[columns].head(8)

# %% [markdown]
# ## What was refused?
#
# A denial is the system doing its work; a failure is the system broken, and isn't counted here. A person with many denials, or an address
# with many, is worth a look.

# %%
refused = pd.DataFrame(review.section("denied").rows).groupby("reason")["events"].sum().sort_values()
figure = Figure(figsize=(8, 0.9 + 0.4 * len(refused)), layout="constrained")
axes = figure.add_subplot()
bars = axes.barh(refused.index, refused, color="#2f6f9f")
axes.bar_label(bars, padding=4)
axes.set(xticks=[])
axes.spines[:].set_visible(False)
axes.set_title(
    f"{refused.index[-1]} is the most common reason: {refused.iloc[-1]} of {refused.sum()} denials",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# ## Who broke the glass, and did anybody look at it?
#
# In an emergency, somebody may open a record that they otherwise may not. The price is a review afterwards. `never`: none was even set a
# date for.

# %%
# NBVAL_CHECK_OUTPUT
glass = pd.DataFrame(review.section("break_glass").rows)
glass.groupby("review").agg(times=("event_id", "size"), people=("actor", "nunique"), approved=("approved_by", "count"))

# %% [markdown]
# ## What left the house?
#
# The accounting of disclosures (45 CFR 164.528), and records of substance use treatment (42 CFR Part 2) that left without a consent that
# held or without the notice against redisclosure.

# %%
# NBVAL_CHECK_OUTPUT
disclosed = pd.DataFrame(review.section("disclosures").rows)
print(f"{len(disclosed)} disclosures, {disclosed['part2'].sum()} of Part 2 records, {disclosed['accountable'].sum()} to account for")
pd.DataFrame(review.section("consent_gaps").rows)[["at", "gap", "actor", "patient", "recipient"]]

# %% [markdown]
# ## What has no explanation?
#
# Each *encounter* (one person, one patient, one day) is explained by the first fact of the context that covers it, or stays open.

# %%
explained = pd.Series(review.explained)
total, left = explained.sum(), explained.get("unexplained", 0)
shares = (explained / total).sort_values()
figure = Figure(figsize=(8, 0.8 + 0.34 * len(shares)), layout="constrained")
axes = figure.add_subplot()
bars = axes.barh(
    [name.replace("_", " ") for name in shares.index],
    shares,
    color=["#b5530f" if name == "unexplained" else "#2f6f9f" for name in shares.index],
)
axes.bar_label(bars, [f"{count:,}" for count in explained[shares.index]], padding=4)
axes.set(xticks=[])
axes.spines[:].set_visible(False)
axes.set_title(
    f"{(total - left) / total:.1%} of {total:,} encounters are explained; {left} are left to look at",
    loc="left",
    fontsize=11,
)
figure

# %% [markdown]
# What is left is gathered into *alerts*, one person's unexplained access of one day, and ranked by points for what can be said of it in
# words. The reviewer reads the words:

# %%
alerts = review.section("unexplained").rows
table = pd.DataFrame(alerts)[["day", "who", "role", "score", "why", "patients"]]
table.assign(patients=table["patients"].map(len)).head(10)

# %% [markdown]
# ## How good is the ranking?
#
# Now the answer key. Of the people who really looked without a reason, how many are among the alerts (*recall*), and how many of the alerts
# are about them (*precision*)?

# %%
# NBVAL_CHECK_OUTPUT
cases = read_cases(OUT / "log/answer_key.json")
score = score_alerts(alerts, cases)
print(f"{score.alerts} alerts in {manifest.days} days: {score.alerts / manifest.days:.1f} a day")
print(f"precision {score.precision:.2f}: {score.hits} of them hold an injected access")
print(f"recall    {score.recall:.2f}: {score.people_found} of {score.people} injected people are found")
pd.DataFrame(
    [(name.replace("_", " "), f"{found} of {injected}") for name, (found, injected) in score.by_scenario.items()],
    columns=["what was done", "cases found"],
).set_index("what was done")

# %% [markdown]
# A reviewer has an hour, not a week. Read the list from the top: after how many alerts are how many of the people found?

# %%
steps = [score_alerts(alerts[:number], cases) for number in range(1, len(alerts) + 1)]
found = [step.people_found for step in steps]
figure = Figure(figsize=(8, 3.2), layout="constrained")
axes = figure.add_subplot()
axes.plot(range(1, len(found) + 1), found, color="#2f6f9f", linewidth=2.2)
axes.axhline(score.people, color="#6b6b6b", linestyle=":")
axes.text(len(found), score.people, f"all {score.people} ", ha="right", va="bottom", color="#4a4a4a")
half = next(number for number, people_found in enumerate(found, 1) if people_found * 2 >= score.people)
axes.plot([half], [found[half - 1]], "o", color="#b5530f")
axes.text(half, found[half - 1], f"  {found[half - 1]} people after {half} alerts", va="top", color="#8a3d08")
axes.set(xlabel="alerts read, from the top", ylabel="injected people found", ylim=(0, score.people * 1.15))
axes.spines[["top", "right"]].set_visible(False)
axes.set_title(
    f"Half of the {score.people} people are found within the first {half} of {len(found)} alerts", loc="left", fontsize=11
)
figure

# %% [markdown]
# And without a context? Then only the log itself can explain (somebody documented a visit, somebody came back the next day), which
# explains less and so leaves more to read.

# %%
# NBVAL_CHECK_OUTPUT
bare = review_log(log, unexplained=True)
weak = score_alerts(bare.section("unexplained").rows, cases)
pd.DataFrame(
    {
        "with context": [score.alerts, f"{score.precision:.2f}", f"{score.recall:.2f}"],
        "the log alone": [weak.alerts, f"{weak.precision:.2f}", f"{weak.recall:.2f}"],
    },
    index=["alerts", "precision", "recall"],
)

# %% [markdown]
# ## The report, and the trail of the review
#
# The report is one page that needs nothing from anywhere. It names patients and staff: keep it where the log may be kept.

# %%
page = OUT / "review.html"
page.write_text(review.to_html(), "utf-8")
HTML(f'<a href="{page}">Open the report</a>')

# %% [markdown]
# Reading an audit trail is an access, too. It leaves a REVIEW event, on a chain of its own:

# %%
# NBVAL_CHECK_OUTPUT
trail = OUT / "reviews.jsonl"
officer = {"subject_id": "usr-90", "subject_type": "human", "roles": ["privacy"]}
with AuditLogger(AuditConfig(service="access-review"), sink=JsonlSink(trail)) as audit:
    record_review(audit, review, actor=officer)
    record_review(audit, about, actor=officer)
print(verify(trail), "with", len(trail.read_text("utf-8").splitlines()), "events")

# %% [markdown]
# ## What this can't tell
#
# - The clinic is simulated, and so are its snoopers: real ones may hide better. On a real log, precision
#   depends on how complete the context is; every consult that nobody booked is an alert.
# - A person who looks at a patient on their own list, out of curiosity, has an explanation and won't show.
# - A score ranks questions. Only people can answer them.
#
# On the command line: `bh audit review FILE --context CONTEXT --html REPORT`.
