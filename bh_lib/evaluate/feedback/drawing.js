// How a note and its flags look. Joined with review.js into one module.

const KEYS = [
  ["a", "accept", "Accept"],
  ["d", "dismiss", "Dismiss…"],
  ["c", "correct", "Correct…"],
  ["f", "add", "Add a flag…"],
  ["n", "next", "Next flag"],
  ["p", "previous", "Previous flag"],
  ["u", "undo", "Undo"],
  ["s", "finish", "Note done"],
  ["j", "nextNote", "Next note"],
  ["k", "previousNote", "Previous note"],
];
const SHAPE = { assertion: "Is it so?", temporality: "When?", experiencer: "Whose is it?" };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function stand(mark) {
  const when = mark.temporality === "unknown" ? "time unknown" : mark.temporality;
  return `${mark.assertion}, ${when}, ${mark.experiencer}`;
}

function verdictOf(mark) {
  if (mark.verdict !== "open") {
    const was = mark.verdict === "corrected" && mark.proposed !== mark.flag_id ? `, was ${mark.proposed}` : "";
    const why = mark.reason_words ? `: ${mark.reason_words.toLowerCase()}` : "";
    return mark.verdict + was + why;
  }
  return mark.raised ? "open" : `not raised: ${mark.held_back}`;
}

// Python counts code points, and a browser UTF-16 units.
const points = (text) => Array.from(text).length;

function drawText(view, now) {
  const letters = Array.from(view.text);
  const cuts = new Set([0, letters.length]);
  for (const mark of view.marks) for (const place of mark.places) place.forEach((at) => cuts.add(at));
  const edges = [...cuts].sort((one, other) => one - other);
  const text = make("div", { class: "bh-text", tabindex: "0", role: "group", "aria-label": "The note" });
  edges.slice(0, -1).forEach((from, at) => {
    const to = edges[at + 1];
    const over = view.marks.map((mark, number) => [mark, number]).filter(([mark]) => mark.places.some(([start, end]) => start <= from && to <= end));
    const words = letters.slice(from, to).join("");
    if (!over.length) return text.append(words);
    const kind = over.some(([mark]) => mark.raised && mark.verdict === "open") ? "bh-raised" : over.some(([mark]) => mark.verdict !== "open") ? "bh-judged" : "bh-held";
    text.append(make("mark", { class: kind + (over.some(([, number]) => number === now) ? " bh-now" : "") }, words));
    const ends = over.filter(([mark]) => mark.places.some(([, end]) => end === to));
    const told = ends.map(([mark, number]) => `${number + 1} ${mark.flag_id} ${mark.verdict === "open" ? (mark.raised ? "open" : "not raised") : mark.verdict}`);
    return told.length ? text.append(make("span", { class: "bh-tag" }, `[${told.join(" · ")}]`)) : undefined;
  });
  return text;
}

function drawFlags(view, now, pick) {
  const list = make("ol", { class: "bh-flags", "aria-label": "Flags in this note" });
  view.marks.forEach((mark, number) => {
    const button = make(
      "button",
      { type: "button", class: "bh-flag", "data-key": `flag-${number}`, "aria-current": String(number === now), onclick: () => pick(number) },
      make("span", {}, `${number + 1}. ${mark.flag_id} ${mark.name} (${mark.severity})`),
      make("br"),
      make("span", { class: "bh-quiet" }, `${stand(mark)} – `),
      make("span", { class: "bh-verdict" }, verdictOf(mark)),
    );
    list.append(make("li", {}, button));
  });
  return list;
}
