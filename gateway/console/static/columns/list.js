// The list of AI columns: columns of users' tables whose values models write.

import { Progress, Reason, Spent, State } from "/console/columns/parts.js";
import { nameColumn } from "/console/columns/words.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { setTitle } from "/console/lib/title.js";
import { Reading } from "/console/operate/parts.js";
import { h, useEffect } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;

export function ColumnList() {
  const read = useData("/columns", { every: EVERY_MS });
  useEffect(() => setTitle("Columns · COGO"), []);
  const columns = read.data?.columns ?? [];
  return h(
    "div",
    { class: "page" },
    h("h2", {}, "Columns"),
    h(Reading, { of: read, what: "the columns" }),
    read.data && !columns.length && h("p", { class: "note" }, "There are no AI columns. An operator makes one with cogo columns add, or in SQL with cogo.ai_column()."),
    h("ul", { class: "columns" }, columns.map((column) => h(Item, { key: column.id, column }))),
  );
}

function Item({ column }) {
  return h(
    "li",
    { class: "section" },
    h("p", { class: "heading" }, h("a", { href: `#/columns/${column.id}` }, clip(nameColumn(column), 200)), h(State, { column })),
    column.type && h("p", { class: "note" }, `${clip(column.type, 60)} · ${column.model ? clip(column.model, 100) : "a model is chosen for each task"}`),
    h(Reason, { column }),
    h(Progress, { column }),
    h(Spent, { column }),
  );
}
