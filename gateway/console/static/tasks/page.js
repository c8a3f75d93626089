// The home page: tasks as a table, with filters, paging and a selection.

import { useQuestions } from "/console/inbox/questions.js";
import { useNow } from "/console/lib/hooks.js";
import { getReader } from "/console/lib/reader.js";
import { changeQuery } from "/console/lib/route.js";
import { Said } from "/console/lib/said.js";
import { setTitle } from "/console/lib/title.js";
import { BulkBar } from "/console/tasks/bulk.js";
import { FailedBar } from "/console/tasks/failed.js";
import { FilterBar } from "/console/tasks/filter_bar.js";
import { clearFilters, describeFilters, hasFilters } from "/console/tasks/filters.js";
import { FirstVisit } from "/console/tasks/first_visit.js";
import { useKeys } from "/console/tasks/keys.js";
import { findNewer, useTasks } from "/console/tasks/reader.js";
import { useSelection } from "/console/tasks/selection.js";
import { TaskTable } from "/console/tasks/table.js";
import { useExactTimes } from "/console/tasks/times.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const SCROLLED = 150;
const TICK_MS = 5_000; // of the times in the table

export function Page({ query }) {
  const text = query.toString();
  const body = useRef(null);
  const selection = useSelection(query);
  const isBusy = () => scrollY > SCROLLED || selection.size > 0 || Boolean(body.current?.querySelector("tbody:hover, tbody :focus, .menu[open]"));
  const latest = useRef(isBusy);
  latest.current = isBusy;
  const { tasks, next, newer, error, fresh, isStale, showFresh, reload } = useTasks(text, () => latest.current());
  const questions = useQuestions();
  const asking = new Set(questions.found?.map((each) => each.task_id));
  const areAllKnown = questions.found !== null && questions.next === null;
  const at = useNow(true, TICK_MS);
  const [isExact, flipTimes] = useExactTimes();
  useEffect(() => setTitle(nameView(query)), [text]);
  useEffect(() => {
    if (tasks) performance.mark("cogo:tasks");
  }, [tasks === null]);
  const shown = tasks ?? [];
  useKeys(body, shown, selection);
  const isPaged = query.has("before");
  return h(
    "div",
    { class: "tasks-page", ref: body },
    h("h2", { class: "unseen" }, "Tasks"),
    h(FilterBar, { query }),
    h(FailedBar, { query, onDone: reload }),
    error ? h("p", { class: "problem", role: "alert" }, h(Said, { text: `The tasks cannot be read${tasks ? " now, and are those of before" : ""}: ${error.message}` })) : null,
    h("div", { class: "fresh", role: "status" }, fresh ? h("button", { type: "button", onClick: () => (isPaged ? changeQuery({ before: null }, { replace: false }) : (showFresh(), scrollTo(0, 0))) }, `${fresh} new`) : null),
    shown.length ? h(TaskTable, { tasks: shown, selection: selection.of(shown), asking, at, isExact, isStale, isOperator: getReader()?.is_operator ?? true, onFlipTimes: flipTimes }) : null,
    tasks && !shown.length && !isStale ? h(Nothing, { query, next }) : null,
    !shown.length && !error && (isStale || !tasks) ? h("p", { class: "note" }, "Loading the tasks.") : null,
    tasks && !isStale ? h(Pager, { query, next, newer, isPaged }) : null,
    h(BulkBar, { selection, query, shown, asks: (id) => !areAllKnown || asking.has(id), hasMore: next !== null, onDone: () => (selection.clear(), reload()) }),
  );
}

function Nothing({ query, next }) {
  if (next !== null) return h("p", { class: "note empty" }, "None among these. Older ones are looked through with Older.");
  if (query.has("before")) return h("p", { class: "note empty" }, "There are no older tasks.");
  if (!hasFilters(query)) return h(FirstVisit, {});
  return h("p", { class: "note empty" }, "No task meets these filters. ", h("button", { type: "button", class: "quiet", onClick: () => changeQuery(clearFilters()) }, "Clear all"));
}

function Pager({ query, next, newer, isPaged }) {
  const [problem, setProblem] = useState(null);
  if (!isPaged && next === null) return null;
  const move = (before) => {
    changeQuery({ before }, { replace: false });
    scrollTo(0, 0);
  };
  const goBack = () => findNewer(query, newer).then(move, setProblem);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages of tasks" },
    isPaged ? h("button", { type: "button", class: "quiet", onClick: () => move(null) }, "Newest") : null,
    isPaged && newer !== null ? h("button", { type: "button", class: "quiet", onClick: goBack }, "Newer") : null,
    next === null ? h("span", { class: "note" }, "This is the first task.") : h("button", { type: "button", class: "quiet", onClick: () => move(next) }, "Older"),
    problem ? h("span", { class: "problem", role: "alert" }, h(Said, { text: problem.message })) : null,
  );
}

function nameView(query) {
  const filters = describeFilters(query).map(({ text }) => text);
  return filters.length ? `${filters.join(", ").slice(0, 80)} · COGO` : "COGO console";
}
