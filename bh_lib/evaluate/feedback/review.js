// The review's screen: it draws what Python sends, and sends what the reviewer asks for. It keeps nothing and loads nothing.

function render({ model, el }) {
  let view = null;
  let choices = null;
  let now = 0;
  let panel = null;
  const said = make("p", { class: "bh-said", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  const body = make("div");
  const root = make("section", {
    class: "bh-review",
    tabindex: "0",
    "aria-label": "Review of flags. Single keys work while the focus is in here.",
    // JupyterLab would take d, d for: delete this cell.
    "data-lm-suppress-shortcuts": "true",
  });
  root.append(body, said);
  el.append(root);

  const ask = (what, more = {}) => model.send({ ask: what, ...more });
  const say = (words, ok = true) => {
    said.textContent = words;
    said.dataset.ok = String(ok);
  };

  function tellMark() {
    const mark = view.marks[now];
    if (mark) say(`Flag ${now + 1} of ${view.marks.length}: ${mark.flag_id} ${mark.name}, ${mark.severity}, ${stand(mark)}. ${verdictOf(mark)}.`);
  }

  function pick(number) {
    now = number;
    draw();
    tellMark();
  }

  function step(by) {
    if (!view.marks.length) return say("There is no flag in this note.");
    return pick((now + by + view.marks.length) % view.marks.length);
  }

  function close(focus = true) {
    panel = null;
    draw();
    if (focus) root.focus();
  }

  function selected() {
    const text = root.querySelector(".bh-text");
    const selection = document.getSelection();
    if (!text || !selection || !selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) return null;
    const offset = (node, at) => {
      const before = document.createRange();
      before.setStart(text, 0);
      before.setEnd(node, at);
      const copy = before.cloneContents();
      copy.querySelectorAll(".bh-tag").forEach((tag) => tag.remove());
      return points(copy.textContent);
    };
    let start = offset(range.startContainer, range.startOffset);
    let end = offset(range.endContainer, range.endOffset);
    const letters = Array.from(view.text);
    while (start < end && /\s/.test(letters[start])) start += 1;
    while (start < end && /\s/.test(letters[end - 1])) end -= 1;
    return start < end ? { start, end } : null;
  }

  const acts = {
    accept: () => ask("accept", { mark: now }),
    undo: () => ask("undo"),
    finish: () => ask("finish"),
    next: () => step(1),
    previous: () => step(-1),
    nextNote: () => (view.place + 1 < view.notes ? ask("go", { place: view.place + 1 }) : say("This is the last note.")),
    previousNote: () => (view.place > 0 ? ask("go", { place: view.place - 1 }) : say("This is the first note.")),
    dismiss: () => {
      const mark = view.marks[now];
      if (!mark) return say("There is no flag in this note.", false);
      if (mark.verdict === "added") return ask("remove", { mark: now });
      if (!mark.raised) return say("This one was not raised: accept it, or correct it.", false);
      panel = { kind: "dismiss" };
      return draw();
    },
    correct: () => {
      if (!view.marks[now]) return say("There is no flag in this note.", false);
      panel = { kind: "correct" };
      return draw();
    },
    add: () => {
      panel = { kind: "add", span: selected() };
      return draw();
    },
  };

  function chooser(name, label, value) {
    const select = make("select", { name, "data-key": `field-${name}` });
    for (const [key, words] of choices[name]) select.append(make("option", { value: key, selected: key === value }, words));
    return make("label", {}, label, select);
  }

  function claimFields(mark) {
    const fields = make("div", { class: "bh-fields" }, chooser("flag_id", "Flag", mark.flag_id));
    for (const [name, label] of Object.entries(SHAPE)) fields.append(chooser(name, label, mark[name]));
    return fields;
  }

  function drawPanel() {
    const form = make("form", { class: "bh-panel", novalidate: true });
    const mark = view.marks[now];
    const set = make("fieldset", { style: "border:0;margin:0;padding:0;min-width:0" });
    form.append(set);
    let first = null;
    if (panel.kind === "dismiss") {
      set.append(make("legend", {}, `Dismiss ${mark.flag_id}: why? Press a digit, then Enter.`));
      choices.reason.forEach(([key, words], at) => {
        const radio = make("input", { type: "radio", name: "reason", value: key, checked: key === mark.reason });
        first ??= radio;
        set.append(make("label", {}, radio, make("kbd", {}, String(at + 1)), words));
      });
      const comment = make("textarea", { name: "comment", rows: "2", maxlength: "2000" });
      comment.value = mark.comment;
      set.append(make("label", {}, "Comment (kept beside the notes on this machine; in no log)", comment));
    } else if (panel.kind === "correct") {
      set.append(make("legend", {}, `Correct ${mark.flag_id}: what is so instead?`), claimFields(mark));
      first = set.querySelector("select");
    } else {
      const words = make("input", { type: "text", name: "words", autocomplete: "off", spellcheck: "false" });
      if (panel.span) words.value = Array.from(view.text).slice(panel.span.start, panel.span.end).join("");
      const asked = { flag_id: choices.flag_id[0][0], assertion: "present", temporality: "current", experiencer: "patient" };
      set.append(make("legend", {}, "Add a flag on words of the note"));
      set.append(make("label", {}, "Words: select them in the note first, or type them as they stand there", words), claimFields(asked));
      first = panel.span ? set.querySelector("select") : words;
    }
    const keys = make("div", { class: "bh-keys" });
    keys.append(make("button", { type: "submit" }, make("kbd", {}, "Enter"), "Save"));
    keys.append(make("button", { type: "button", onclick: () => close() }, make("kbd", {}, "Esc"), "Cancel"));
    set.append(keys);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(new FormData(form));
    });
    return [form, first];
  }

  function submit(data) {
    const asked = Object.fromEntries(data.entries());
    if (panel.kind === "dismiss" && !asked.reason) return say("Choose a reason: press its digit.", false);
    if (panel.kind === "add") {
      const place = placeOf(asked.words);
      if (!place) return say("These words do not stand in the note. Copy them as they are.", false);
      delete asked.words;
      return ask("add", { ...asked, ...place });
    }
    return ask(panel.kind, { mark: now, ...asked });
  }

  function placeOf(words) {
    if (panel.span && Array.from(view.text).slice(panel.span.start, panel.span.end).join("") === words) return panel.span;
    const at = words.trim() ? view.text.toLowerCase().indexOf(words.trim().toLowerCase()) : -1;
    if (at < 0) return null;
    const start = points(view.text.slice(0, at));
    return { start, end: start + points(words.trim()) };
  }

  function draw() {
    const active = document.activeElement;
    const held = root.contains(active) && active !== root ? active.dataset.key : null;
    const inside = root.contains(active);
    const scrolled = root.querySelector(".bh-text")?.scrollTop ?? 0;
    const left = view.open.length;
    const state = view.done ? "done" : left ? `${left} open` : "no flag open";
    const top = make(
      "div",
      { class: "bh-top" },
      make("h3", {}, `Note ${view.place + 1} of ${view.notes}: ${view.note_id} – ${state}`),
      make("span", { class: "bh-quiet" }, `${view.notes_done} of ${view.notes} notes done. Saved at each step.`),
    );
    const text = drawText(view, now);
    const side = make("div", {}, make("h4", {}, "Flags"), view.marks.length ? drawFlags(view, now, pick) : make("p", {}, "No flag was raised. Add what you see, or press s."));
    const mark = view.marks[now];
    if (mark && mark.basis) side.append(make("p", { class: "bh-about" }, `Why raised: ${mark.basis}`));
    if (mark && mark.comment) side.append(make("p", { class: "bh-about" }, `Your comment: ${mark.comment}`));
    const keys = make("div", { class: "bh-keys", role: "toolbar", "aria-label": "What to do" });
    for (const [key, name, words] of KEYS) {
      const label = name === "dismiss" && mark && mark.verdict === "added" ? "Remove" : words;
      const off = name === "finish" && left > 0;
      keys.append(make("button", { type: "button", "data-key": `act-${name}`, "aria-keyshortcuts": key, "aria-disabled": off ? "true" : null, onclick: () => acts[name]() }, make("kbd", {}, key), label));
    }
    body.replaceChildren(top, make("div", { class: "bh-columns" }, text, side));
    text.scrollTop = scrolled;
    let first = null;
    if (panel) {
      const [form, field] = drawPanel();
      body.append(form);
      first = field;
    } else body.append(keys);
    if (first) first.focus();
    else if (inside) (held ? root.querySelector(`[data-key="${held}"]`) ?? root : root).focus({ preventScroll: true });
    const current = text.querySelector("mark.bh-now");
    if (current) text.scrollTop = Math.max(0, current.offsetTop - text.offsetTop - text.clientHeight / 2);
  }

  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("input:not([type=radio]),textarea,select");
    if (event.key === "Escape" && panel) {
      event.preventDefault();
      close();
    } else if (panel && panel.kind === "dismiss" && !field && /^[1-9]$/.test(event.key)) {
      event.preventDefault();
      const radio = root.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
      radio.checked = true;
      radio.focus();
    } else if (panel && event.key === "Enter" && !event.target.closest("textarea,button")) {
      event.preventDefault();
      root.querySelector("form.bh-panel").requestSubmit();
    } else if (!panel && !field) {
      const found = KEYS.find(([key]) => key === event.key);
      if (found && !event.repeat) {
        event.preventDefault();
        acts[found[1]]();
      }
    }
  });

  function receive(message) {
    choices = message.choices;
    if (!message.view) {
      body.replaceChildren();
      return say(message.said, false);
    }
    const moved = !view || view.note_id !== message.view.note_id;
    view = message.view;
    if (message.ok) panel = null;
    if (moved) {
      panel = null;
      now = view.open[0] ?? 0;
    } else if (message.advance && view.open.length) {
      now = view.open.find((number) => number > now) ?? view.open[0];
    }
    now = Math.min(now, Math.max(0, view.marks.length - 1));
    const mine = root.contains(document.activeElement);
    draw();
    if (mine && message.ok && !panel) root.focus({ preventScroll: true });
    return message.said ? say(message.said, message.ok) : undefined;
  }

  model.on("msg:custom", receive);
  ask("look");
  return () => model.off("msg:custom", receive);
}

export default { render };
