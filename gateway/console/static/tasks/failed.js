// Above the table while it shows what failed: quick times, and one button that retries all of it.

import { changeQuery } from "/console/lib/route.js";
import { useAsked } from "/console/operate/dialog.js";
import { BulkDialog, findByQuery, useCount } from "/console/tasks/bulk.js";
import { countTasks } from "/console/tasks/bulk_words.js";
import { TIMES } from "/console/tasks/filters.js";
import { h, useState } from "/console/vendor/preact.js";

const QUICK = ["1h", "noon", "today", "yesterday", "7d"];
const EVERY_MS = 10_000;

/** A row of times, of which `query` has one as `time`. */
export function QuickTimes({ query }) {
  const chosen = query.get("time") ?? "";
  return h(
    "div",
    { class: "quick-times", role: "group", "aria-label": "Time" },
    [["", "any time"], ...QUICK.map((each) => [each, TIMES[each]])].map(([time, label]) => h("button", { key: time, type: "button", class: "quiet small", "aria-pressed": String(time === chosen), onClick: () => changeQuery({ time: time || null, since: null, until: null, before: null }) }, label)),
  );
}

/** `onDone` is called after tasks were retried. */
export function FailedBar({ query, onDone }) {
  const isFailed = query.getAll("status").join() === "failed";
  const count = useCount(isFailed ? query : null, EVERY_MS);
  const [isAsking, setAsking] = useState(false);
  useAsked(query, "do", isFailed ? () => setAsking(true) : null);
  if (!isFailed) return null;
  return h(
    "div",
    { class: "failed-bar" },
    h(QuickTimes, { query }),
    count?.count ? h("button", { type: "button", onClick: () => setAsking(true) }, `Retry all ${countTasks(count.count)}${count.is_more ? " and more" : ""}…`) : null,
    isAsking ? h(BulkDialog, { action: "retry", ids: null, find: findByQuery("retry", query), onClose: (isDone) => (setAsking(false), isDone && onDone()) }) : null,
  );
}
