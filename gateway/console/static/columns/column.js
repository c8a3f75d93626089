// One AI column: its progress and caps, what it asks for, its failures and its cells.

import { Backfill } from "/console/columns/backfill.js";
import { Cells, Failures } from "/console/columns/cells.js";
import { Progress, Reason, Spent, State } from "/console/columns/parts.js";
import { isPaused, nameColumn } from "/console/columns/words.js";
import { post } from "/console/lib/api.js";
import { byId } from "/console/lib/dom.js";
import { clock, count, money, moment } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip, LongText } from "/console/lib/json_view.js";
import { setTitle } from "/console/lib/title.js";
import { Problem, Reading } from "/console/operate/parts.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;
const COUNTED = ["pending", "asked", "done", "stale", "failed", "kept"];

export function Column({ id }) {
  const read = useData(`/columns/${id}`, { every: EVERY_MS });
  const { column, versions } = read.data ?? {};
  const title = column ? clip(nameColumn(column), 60) : "Column";
  useEffect(() => setTitle(`${title} · COGO`), [title]);
  const above = h("a", { class: "up", href: "#/columns" }, "‹ All columns");
  if (!column) return h("div", { class: "page" }, above, h(Reading, { of: read, what: "the column" }));
  const counts = COUNTED.map((state) => column[state]).join();
  const isCounted = column.done !== undefined; // for operators
  return h(
    "div",
    { class: "page" },
    above,
    h("h2", { class: "column-name" }, clip(nameColumn(column), 200)),
    h(Problem, { error: read.error }),
    h(Head, { column, reload: read.reload }),
    h(Reason, { column }),
    isCounted && h("section", { class: "section", "aria-label": "Progress" }, h("div", { class: "progress-of-column" }, h(Progress, { column }), h(Spent, { column }), h(BackfillProgress, { backfill: column.backfill }))),
    h(Backfill, { column, onStart: read.reload }),
    h(Failures, { id, failed: column.failed ?? null }),
    isCounted && h("section", { class: "section", "aria-label": "Settings" }, h("h3", {}, "Settings"), h(Settings, { column }), h("h3", { class: "sub" }, "Prompt"), h(LongText, { text: column.prompt ?? "" })),
    versions.length > 1 && h("details", { class: "section" }, h("summary", {}, "Versions"), h("ol", { class: "versions" }, versions.map((each) => h(Version, { key: each.version, of: each, current: column.version })))),
    h(Cells, { id, keyNames: column.key_columns, counts }),
  );
}

/** The state, and the buttons that change it. */
function Head({ column, reload }) {
  const [state, setState] = useState({ isSending: false, problem: null });
  const again = isPaused(column) ? "Resume" : column.error ? "Try again" : null;
  const actions = [again && ["resume", again], !isPaused(column) && ["pause", "Pause"]].filter(Boolean);
  const act = async (action) => {
    if (state.isSending) return;
    setState({ isSending: true, problem: null });
    try {
      await post(`/columns/${column.id}/${action}`, {});
      byId("news").textContent = action === "pause" ? "The column is paused." : "The column goes on.";
      setState({ isSending: false, problem: null });
      reload();
    } catch (problem) {
      setState({ isSending: false, problem });
    }
  };
  const button = ([action, label], place) => h("button", { key: place, type: "button", class: "quiet", "aria-disabled": state.isSending ? "true" : undefined, onClick: () => act(action) }, label);
  return [
    h("header", {}, h("p", { role: "status" }, h(State, { column })), h("p", { class: "actions for-operators" }, actions.map(button))),
    h(Problem, { error: state.problem }),
  ];
}

function BackfillProgress({ backfill }) {
  if (!backfill || backfill.total === 0 || backfill.done >= backfill.total) return null;
  return h(
    "p",
    { class: "spent" },
    h(
      "span",
      {},
      `Backfill: ${count(backfill.done)} of ${count(backfill.total)} rows${backfill.from ? `, since ${clock(backfill.from)}` : ""}`,
      h("meter", { min: 0, max: backfill.total, value: backfill.done, "aria-label": "Progress of the backfill" }),
    ),
  );
}

function Settings({ column }) {
  const { sources = [], owner_column: owner, overwrite, max_usd_per_row: perRow, preferences, created_at: created, changed_at: changed } = column;
  const facts = [
    ["Type", clip(column.type, 100)],
    ["Model", column.model ? clip(column.model, 100) : "chosen for each task"],
    ["Preference", preferences?.preference ?? "balanced"],
    ["Version", String(column.version)],
    ["Made from", sources.map((each) => clip(each, 60)).join(", ") || "–"],
    ["Owner of a cell", owner ? `by ${clip(owner, 60)}` : "nobody"],
    ["A person's value", overwrite ? "is overwritten" : "is kept"],
    ["Cap per row", perRow === null || perRow === undefined ? "no cap" : money(perRow)],
    ["Installed", moment(created)],
    ["Changed", moment(changed)],
  ];
  return h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))));
}

function Version({ of: { version, prompt, model, created_at: created }, current }) {
  return h(
    "li",
    {},
    h("p", {}, h("strong", {}, `Version ${version}`), version === current && " (now)", h("span", { class: "note" }, ` · ${moment(created)} · ${model ? clip(model, 100) : "any model"}`)),
    h(LongText, { text: prompt ?? "", first: 1_000 }),
  );
}
