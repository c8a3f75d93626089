// The open questions that the reader may answer: for the bar, the title of the tab, and the inbox.

import { get, poll } from "/console/lib/api.js";
import { byId } from "/console/lib/dom.js";
import { setOpenCount } from "/console/lib/title.js";
import { h, render, useEffect, useState } from "/console/vendor/preact.js";

const EVERY_MS = 3_000;
const EVERY_HIDDEN_MS = 30_000; // the title of a hidden tab has the number, too
const PAGE = 50;
const CHANGED = "cogo:questions";

let state = { found: null, next: null, error: null };
let pages = 1;

/** Keep the number of open questions up to date, and what `useQuestions` returns. */
export const watch = () => poll(EVERY_MS, refresh, EVERY_HIDDEN_MS);

/** Return `{ found, next, error, refresh, showOlder }`: `found` is null before the first read, and `next` null if these are all. */
export function useQuestions() {
  const [known, setKnown] = useState(state);
  useEffect(() => {
    const update = () => setKnown(state);
    document.addEventListener(CHANGED, update);
    refresh();
    return () => {
      document.removeEventListener(CHANGED, update);
      pages = 1;
    };
  }, []);
  const showOlder = () => {
    pages += 1;
    refresh();
  };
  return { ...known, refresh, showOlder };
}

async function refresh() {
  try {
    const read = await readOpen(pages);
    announce(state.found, read);
    state = { ...read, error: null };
  } catch (error) {
    // Unreachable or unauthorized: the page shows that elsewhere, and this is retried.
    if (error.status === 0 || error.status === 401 || error.status >= 500) return;
    state = { ...state, error };
  }
  document.dispatchEvent(new CustomEvent(CHANGED));
}

/** Read the newest open questions. */
async function readOpen(pages) {
  const found = [];
  let next = null;
  for (let page = 0; page < pages; page++) {
    const before = next === null ? "" : `&before=${next}`;
    const answer = await get(`/approvals?answerable=true&limit=${PAGE}${before}`);
    found.push(...answer.approvals.map((each) => ({ ...each, prompt: answer.prompts[each.task_id] ?? null })));
    next = answer.next;
    if (next === null) break;
  }
  return { found, next };
}

/** Show the number in the bar and the title, and tell of a new question. */
function announce(known, { found, next }) {
  const count = `${found.length}${next === null ? "" : "+"}`;
  const ids = new Set(known?.map((each) => each.id));
  if (known && found.some((each) => !ids.has(each.id))) byId("news").textContent = `A question waits for you. ${count} are open.`;
  setOpenCount(found.length ? count : "");
  byId("inbox-count").hidden = found.length === 0;
  render([count, h("span", { class: "unseen" }, " open")], byId("inbox-count"));
}
