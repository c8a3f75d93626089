// The parts of an AI column that its line in the list and its page share.

import { describeCounts, describeState, divideBar, STATES } from "/console/columns/words.js";
import { Countdown } from "/console/lib/countdown.js";
import { count, money } from "/console/lib/format.js";
import { showControls } from "/console/lib/json_view.js";
import { h } from "/console/vendor/preact.js";

const WIDTH = 1000;

/** A bar of the cells by state, and their numbers. */
export function Progress({ column }) {
  if (column.done === undefined) return null; // only operators see how many cells there are
  const states = STATES.filter((state) => column[state] > 0);
  return h(
    "div",
    { class: "progress" },
    h(
      "svg",
      { class: "cells-bar", viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", role: "img", "aria-label": describeCounts(column) },
      divideBar(column, WIDTH).map(({ state, x, width }) => h("rect", { key: state, class: state, x, y: 0, width, height: 10 })),
    ),
    states.length
      ? h("ul", { class: "numbers", "aria-hidden": "true" }, states.map((state) =>
          h("li", { key: state, class: `cell-state ${state}` }, `${count(column[state])} ${state}`, state === "pending" && column.asked > 0 && h("small", {}, `${count(column.asked)} asked for`))))
      : h("p", { class: "note" }, "No cells yet."),
  );
}

/** What it does, in a word; nothing if only operators know. */
export function State({ column }) {
  const state = describeState(column);
  return state && h("span", { class: `status ${state.mark}` }, state.word);
}

/** Why it does nothing, and until when; nothing if it works. */
export function Reason({ column }) {
  const { why, until, mark } = describeState(column) ?? {};
  if (!why) return null;
  return h("p", { class: mark === "failed" ? "problem" : "reason" }, showControls(why), until && [" It goes on ", h(Countdown, { iso: until }), "."]);
}

/** What was spent, against the caps. */
export function Spent({ column }) {
  if (column.spent_usd === undefined) return null;
  const { spent_today_usd: today, max_usd_per_day: perDay, spent_usd: spent, max_usd: most } = column;
  return h("p", { class: "spent" }, h(Amount, { when: "today", spent: today, cap: perDay }), h(Amount, { when: "in all", spent, cap: most }));
}

function Amount({ when, spent, cap }) {
  const limit = Number(cap ?? 0);
  return h(
    "span",
    {},
    `${money(spent ?? 0)}${cap === null || cap === undefined ? "" : ` of ${money(limit)}`} ${when}`,
    limit > 0 && h("meter", { min: 0, max: limit, high: limit * 0.8, value: Number(spent ?? 0), "aria-label": `Spent ${when}` }),
  );
}
