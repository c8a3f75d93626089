// Two texts of a task, such as a draft and its repair, line by line.

import { showControls } from "/console/lib/json_view.js";
import { diffLines } from "/console/vendor/diff.js";
import { h, useMemo, useState } from "/console/vendor/preact.js";

const MOST = 200_000;
const MOST_LINES = 5_000;
const TIMEOUT_MS = 1_000;
const AROUND = 3; // lines without changes that are shown beside changes

/** Return what can be compared: what steps said, in the order of their ends, and the result. */
function listTexts({ task, subtasks }) {
  const texts = subtasks
    .filter((each) => each.kind === "ask" && typeof each.output?.text === "string" && each.output.text)
    .toSorted((a, b) => (a.end_no ?? Infinity) - (b.end_no ?? Infinity))
    .map((each) => ({ name: each.key, label: `${each.key} · ${each.params?.model_id ?? each.lane}`, text: each.output.text }));
  const result = task.result?.generated_code ?? task.result?.text;
  if (typeof result === "string" && result && !texts.some((each) => each.text === result)) texts.push({ name: "result", label: "result of the task", text: result });
  return texts;
}

/** Return the lines of two texts, each with "+", "-" or " "; null if that takes too long. */
function compareLines(before, after) {
  const parts = diffLines(before.slice(0, MOST), after.slice(0, MOST), { timeout: TIMEOUT_MS });
  return parts?.flatMap(({ value, added, removed }) => value.replace(/\n$/, "").split("\n").map((line) => [added ? "+" : removed ? "-" : " ", line])) ?? null;
}

/** Replace what is far from all changes by the number of its lines. */
function foldLines(lines) {
  const isNear = new Uint8Array(lines.length);
  lines.forEach(([mark], number) => mark !== " " && isNear.fill(1, Math.max(0, number - AROUND), number + AROUND + 1));
  const shown = [];
  for (let number = 0; number < lines.length; number++) {
    if (isNear[number]) shown.push(lines[number]);
    else if (typeof shown.at(-1) === "number") shown[shown.length - 1]++;
    else shown.push(1);
  }
  return shown;
}

export function CompareTexts({ details }) {
  const texts = listTexts(details);
  const [chosen, choose] = useState({});
  if (texts.length < 2) return null;
  const find = (name, otherwise) => texts.find((each) => each.name === name) ?? otherwise;
  const [before, after] = [find(chosen.before, texts.at(-2)), find(chosen.after, texts.at(-1))];
  const select = (side, label, value) =>
    h(
      "label",
      {},
      `${label} `,
      h("select", { value: value.name, onChange: (event) => choose({ ...chosen, [side]: event.target.value }) }, texts.map((each) => h("option", { key: each.name, value: each.name }, showControls(each.label)))),
    );
  return h(
    "details",
    { class: "section", id: "compare-texts" },
    h("summary", {}, "Compare what steps said"),
    h("div", { class: "fields" }, select("before", "From", before), select("after", "To", after)),
    h(Changes, { before: before.text, after: after.text }),
  );
}

export function Changes({ before, after }) {
  const lines = useMemo(() => compareLines(before, after), [before, after]);
  if (!lines) return h("p", { class: "note" }, "The texts differ too much to be compared quickly.");
  const changed = lines.filter(([mark]) => mark !== " ").length;
  if (!changed) return h("p", { class: "note" }, "They are the same.");
  const isCut = Math.max(before.length, after.length) > MOST;
  const count = (mark) => lines.filter((each) => each[0] === mark).length;
  return h(
    "div",
    {},
    h("p", { class: "note" }, `${count("+")} lines added, ${count("-")} removed.${isCut ? ` Of each text the first ${MOST.toLocaleString("en")} characters are compared.` : ""}`),
    h("div", { class: "changes wide", tabindex: 0, role: "region", "aria-label": "Changes" }, foldLines(lines).slice(0, MOST_LINES).map(buildLine)),
  );
}

const KINDS = { "+": "added", "-": "removed", " ": "same" };

function buildLine(line, number) {
  if (typeof line === "number") return h("div", { key: number, class: "folded" }, `${line} equal line${line === 1 ? "" : "s"}`);
  const [mark, text] = line;
  return h("div", { key: number, class: KINDS[mark] }, h("span", { class: "mark" }, mark), showControls(text) || " ");
}
