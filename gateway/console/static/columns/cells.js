// The cells of an AI column, by the keys of their rows, and those that failed by their reasons.

import { formatKey, groupFailures, STATES } from "/console/columns/words.js";
import { count, money } from "/console/lib/format.js";
import { useChange, useData } from "/console/lib/hooks.js";
import { clip, showControls } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { More, Problem, Table, When } from "/console/operate/parts.js";
import { h, useState } from "/console/vendor/preact.js";

const PAGE = 50;
const LOOKED_AT = 200;
const COLUMNS = ["State", "Model", "Cost", "When", "Task"];

/** Cells of one page after the other. They are read again when `counts` changes, unless further pages were opened. */
export function Cells({ id, keyNames, counts }) {
  const [state, choose] = useState("");
  const read = usePages(`/columns/${id}/cells?limit=${PAGE}${state ? `&state=${state}` : ""}`, "cells", { parameter: "after" });
  useChange(counts, () => read.rows.length <= PAGE && read.reload());
  const name = keyNames?.length ? keyNames.map((each) => clip(each, 60)).join(" / ") : "Row";
  return h(
    "section",
    { class: "section cells", "aria-label": "Cells" },
    h(
      "div",
      { class: "cells-head" },
      h("h3", {}, "Cells"),
      h("label", { class: "choice" }, "State ", h("select", { value: state, onChange: (event) => choose(event.currentTarget.value) }, h("option", { value: "" }, "all"), STATES.map((each) => h("option", { key: each, value: each }, each)))),
    ),
    h(Problem, { error: read.error }),
    read.rows.length > 0 && h(Table, { caption: "Cells", columns: [name, ...COLUMNS] }, read.rows.map((cell) => h(Row, { key: JSON.stringify(cell.key), cell }))),
    h("p", { class: "note", role: "status" }, read.rows.length ? read.isMore && `The first ${count(read.rows.length)} by key.` : !read.isLoading && "There are none."),
    h(More, { of: read }),
  );
}

function Row({ cell }) {
  return [
    h(
      "tr",
      {},
      h("th", { scope: "row" }, formatKey(cell.key)),
      h("td", {}, h("span", { class: `cell-state ${cell.state}` }, cell.state), cell.state === "stale" && cell.version && h("small", {}, `version ${cell.version}`)),
      h("td", {}, cell.model ? clip(cell.model, 60) : "–"),
      h("td", { class: "figure" }, money(cell.cost_usd)),
      h("td", { class: "figure" }, h(When, { at: cell.done_at ?? cell.asked_at })),
      h("td", {}, cell.task_id ? h("a", { href: `#/tasks/${cell.task_id}` }, cell.task_id.slice(0, 8)) : "–"),
    ),
    cell.reason && h("tr", { class: cell.state === "failed" ? "why" : "because" }, h("td", { colspan: COLUMNS.length + 1 }, h("span", {}, clip(cell.reason, 1_000)))),
  ];
}

/** Why cells failed, with some rows of each reason; `failed` is their number, null if nobody knows it. */
export function Failures({ id, failed }) {
  const { data, error, reload } = useData(failed === 0 ? null : `/columns/${id}/cells?state=failed&limit=${LOOKED_AT}`);
  useChange(failed, reload);
  if (error) return h(Problem, { error });
  if (!data?.cells.length) return null;
  return h(
    "section",
    { class: "section", "aria-label": "Failures" },
    h("h3", {}, "Failures"),
    h("ul", { class: "failures" }, groupFailures(data.cells).map((group) => h(Group, { key: group.reason, group }))),
    data.next !== null && h("p", { class: "note" }, `These are the reasons of the first ${count(data.cells.length)} of ${count(failed)} failed cells.`),
  );
}

function Group({ group: { reason, cells, examples } }) {
  const rows = examples.map((cell, place) => [
    place > 0 && ", ",
    cell.task_id ? h("a", { href: `#/tasks/${cell.task_id}` }, formatKey(cell.key)) : h("span", {}, formatKey(cell.key)),
  ]);
  return h(
    "li",
    {},
    h("span", { class: "cell-state failed" }, count(cells)),
    h("span", { class: "why-failed" }, showControls(reason.slice(0, 1_000))),
    h("span", { class: "facts" }, cells > examples.length ? "for example row " : "row ", rows),
  );
}
