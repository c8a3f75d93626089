// Open questions of all tasks, with links to these.

import { get, poll } from "/console/api.js";
import { isQuestion } from "/console/approvals.js";
import { byId, h, show } from "/console/dom.js";
import { clock } from "/console/format.js";
import { clip } from "/console/json_view.js";

const EVERY_MS = 5_000;
const MOST = 50;

/** Show the open questions and keep them up to date. */
export function watch() {
  let drawn = null;
  return poll(EVERY_MS, async () => {
    try {
      const { approvals, next } = await get(`/approvals?limit=${MOST}`);
      const key = approvals.map((each) => each.id).join();
      if (key === drawn) return;
      drawn = key;
      byId("inbox").hidden = approvals.length === 0;
      byId("inbox-count").textContent = next === null ? String(approvals.length) : `${MOST}+`;
      show(byId("questions"), approvals.map(buildItem));
    } catch {
      // Unreachable or unauthorized: the page shows that elsewhere, and this is retried.
    }
  });
}

function buildItem(each) {
  const title = clip(each.question, 300);
  return h(
    "li",
    {},
    h(
      "a",
      { href: `#/tasks/${each.task_id}`, title },
      h("span", { class: "status waiting" }, isQuestion(each) ? "question" : "approval"),
      h("span", { class: "title" }, title),
      h("span", { class: "facts" }, `${clip(each.key.split("/")[0], 60)} · asked ${clock(each.asked_at)}`),
    ),
  );
}
