// One action on all selected tasks: what it would do, a confirmation, its progress, and what became of each.

import { buildComparison, MOST as MOST_COMPARED } from "/console/compare/figures.js";
import { get, post } from "/console/lib/api.js";
import { keepDraft, readDraft } from "/console/lib/draft.js";
import { clip } from "/console/lib/json_view.js";
import { Said } from "/console/lib/said.js";
import { ACTIONS, countTasks, describeEnd, describePlan, groupSkipped, listActions } from "/console/tasks/bulk_words.js";
import { useKeys } from "/console/lib/keys.js";
import { go } from "/console/lib/route.js";
import { buildFilterObject, buildFilters } from "/console/tasks/filters.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const MOST = 1_000; // of one call
const AT_ONCE = 40; // small calls show how far it is, and can be stopped between
const LISTED = 20;

const KEYS = { c: "cancel", r: "retry" };

/** The bar that appears while something is selected. `asks(id)` tells whether a task may have an open question to the reader. */
export function BulkBar({ selection, query, shown, asks, hasMore, onDone }) {
  const [action, setAction] = useState(null);
  const now = new Map(shown.map((task) => [task.id, task])); // a row may have changed since it was selected
  const actions = selection.isAll ? Object.keys(ACTIONS) : listActions([...selection.chosen.values()].map((task) => now.get(task.id) ?? task), asks);
  const offered = useRef(actions);
  offered.current = selection.size ? actions : [];
  useKeys("Selected tasks", Object.entries(KEYS).map(([key, name]) => [key, `${ACTIONS[name].label} them, after a question`, () => offered.current.includes(name) && setAction(name)]), []);
  const count = useCount(selection.isAll ? query : null);
  if (!selection.size) return null;
  const label = selection.isAll ? `All ${count === null ? "" : `${count.count.toLocaleString("en")}${count.is_more ? "+" : ""} `}tasks that match` : `${countTasks(selection.chosen.size)} selected`;
  const isOnPage = shown.length > 0 && shown.every((task) => selection.chosen.has(task.id));
  return h(
    "div",
    { class: "bulk", role: "region", "aria-label": "Selected tasks" },
    h("p", { role: "status" }, label),
    !selection.isAll && isOnPage && hasMore ? h("button", { type: "button", class: "quiet", onClick: selection.selectAll }, "Select all that match") : null,
    h(
      "p",
      { class: "bulk-actions" },
      actions.map((name) => h("button", { key: name, type: "button", class: "quiet", onClick: () => setAction(name) }, ACTIONS[name].label)),
      actions.length ? null : h("span", { class: "note" }, "Nothing can be done with them."),
      selection.size > 1 && selection.size <= MOST_COMPARED ? h("button", { type: "button", class: "quiet", onClick: () => go(buildComparison([...selection.chosen.keys()])) }, "Compare") : null,
    ),
    h("button", { type: "button", class: "quiet", "aria-label": "Select none", title: "Select none (Escape)", onClick: selection.clear }, "×"),
    action
      ? h(BulkDialog, {
          key: action,
          action,
          ids: selection.isAll ? null : [...selection.chosen.keys()],
          find: findByQuery(action, query),
          onClose: (isDone) => {
            setAction(null);
            if (isDone) onDone();
          },
        })
      : null,
  );
}

/** The question before an action, its progress and its end; with `ids`, or with what `find(before)` names page by page. */
export function BulkDialog({ action, ids, find, onClose }) {
  const dialog = useRef(null);
  const [plan, setPlan] = useState(null);
  const [error, setError] = useState(null);
  const kept = `bulk ${action}`;
  const [reason, setReason] = useState(() => readDraft(kept) ?? "");
  const [report, setReport] = useState(null);
  const isStopped = useRef(false);
  const { label, effect, reason: asks } = ACTIONS[action];
  useEffect(() => {
    dialog.current.showModal();
    makePlan(action, ids, find).then(setPlan, setError);
    return () => (isStopped.current = true);
  }, []);
  const isRunning = report !== null && !report.isOver;
  const run = async () => {
    const total = { done: [], skipped: [] };
    setReport({ ...total, isOver: false });
    try {
      for (let from = 0; from < plan.done.length && !isStopped.current; from += AT_ONCE) {
        const answer = await post("/tasks/bulk", { action, ids: plan.done.slice(from, from + AT_ONCE), reason: reason.trim() || null });
        total.done.push(...answer.done);
        total.skipped.push(...answer.skipped);
        setReport({ ...total, isOver: false });
      }
    } catch (problem) {
      setError(problem);
    }
    setReport({ ...total, isOver: true });
  };
  const close = () => dialog.current.close();
  const isOver = report?.isOver;
  return h(
    "dialog",
    { ref: dialog, class: "bulk-dialog", "aria-label": label, onCancel: (event) => isRunning && event.preventDefault(), onClose: () => (keepDraft(kept, null), onClose(isOver)) },
    h("h2", {}, label),
    plan === null && !error ? h("p", { class: "note", role: "status" }, "Looking at what would be done.") : null,
    plan && !report ? [h("p", { class: "plan", role: "status" }, describePlan(action, plan)), plan.done.length ? h("p", { class: "note" }, effect) : null, h(Skipped, { skipped: plan.skipped })] : null,
    plan?.done.length && !report && asks ? h("label", { class: "field" }, asks, h("input", { type: "text", maxlength: 1000, value: reason, onInput: ({ target }) => (keepDraft(kept, target.value || null), setReason(target.value)) })) : null,
    isRunning ? [h("progress", { max: plan.done.length, value: report.done.length + report.skipped.length, "aria-label": "Progress" }), h("p", { role: "status" }, `${report.done.length + report.skipped.length} of ${plan.done.length}`)] : null,
    isOver ? [h("p", { class: "plan", role: "status" }, describeEnd(action, report)), isStopped.current ? h("p", { class: "note" }, "It was stopped before the others.") : null, h(Done, { ids: report.done, word: ACTIONS[action].done }), h(Skipped, { skipped: report.skipped })] : null,
    error ? h("p", { class: "problem", role: "alert" }, h(Said, { text: `${error.message}${report ? " What is listed was done before." : ""}` })) : null,
    h(
      "p",
      { class: "actions" },
      isRunning ? h("button", { type: "button", class: "quiet", onClick: () => (isStopped.current = true) }, "Stop") : h("button", { type: "button", class: "quiet", onClick: close }, isOver ? "Close" : "Back"),
      plan?.done.length && !report ? h("button", { type: "button", onClick: run }, `${label} ${countTasks(plan.done.length)}`) : null,
    ),
  );
}

/** Ask the gateway with which tasks it would be done; exactly those are then acted on. */
async function makePlan(action, ids, find) {
  const plan = { done: [], skipped: [] };
  const add = (answer) => (plan.done.push(...answer.done), plan.skipped.push(...answer.skipped));
  if (ids !== null) {
    for (let from = 0; from < ids.length; from += MOST) add(await post("/tasks/bulk", { action, ids: ids.slice(from, from + MOST), dry_run: true }));
    return plan;
  }
  for (let before = null, isMore = true; isMore; ) {
    const answer = await find(before);
    add(answer);
    [before, isMore] = [answer.next, answer.is_more];
  }
  return { done: [...new Set(plan.done)], skipped: plan.skipped };
}

/** Return what finds the tasks with which an action can be done, among those of a query's filters now. */
export function findByQuery(action, query) {
  const filter = buildFilterObject(query);
  return (before) => post("/tasks/bulk", { action, filter, before, dry_run: true });
}

function Skipped({ skipped }) {
  if (!skipped.length) return null;
  return h(
    "ul",
    { class: "skipped" },
    groupSkipped(skipped).map(([reason, ids]) => h("li", { key: reason }, `${ids.length.toLocaleString("en")}: ${clip(reason, 200)} `, h(Links, { ids }))),
  );
}

function Done({ ids, word }) {
  if (!ids.length) return null;
  return h("details", {}, h("summary", {}, `Which were ${word}`), h("p", {}, h(Links, { ids })));
}

function Links({ ids }) {
  return [
    ids.slice(0, LISTED).map((id) => h("a", { key: id, class: "label", href: `#/tasks/${id}`, target: "_blank" }, id.slice(0, 8))),
    ids.length > LISTED ? h("span", { class: "note" }, ` and ${(ids.length - LISTED).toLocaleString("en")} more`) : null,
  ];
}

/** Read how many tasks the filters of a query find, and again every `every` milliseconds (0: once); null while that is unknown. */
export function useCount(query, every = 0) {
  const [count, setCount] = useState(null);
  const text = query && String(query);
  useEffect(() => {
    setCount(null);
    if (text === null) return undefined;
    let isOver = false;
    const read = () => document.hidden || get(`/tasks/count?${buildFilters(new URLSearchParams(text))}`).then((found) => isOver || setCount(found), () => {}); // the dialog says it
    read();
    const timer = every ? setInterval(read, every) : null;
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [text]);
  return count;
}
