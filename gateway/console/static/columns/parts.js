// The parts of an AI column that its line in the list and its page share.

import { describeCounts, describeState, divideBar, STATES } from "/console/columns/words.js";
import { buildCountdown } from "/console/lib/countdown.js";
import { h, s } from "/console/lib/dom.js";
import { count, money } from "/console/lib/format.js";
import { showControls } from "/console/lib/json_view.js";

const WIDTH = 1000;

/** A bar of the cells by state, and their numbers. */
export function buildProgress(column) {
  if (column.done === undefined) return null; // only operators see how many cells there are
  const parts = divideBar(column, WIDTH);
  const bar = s(
    "svg",
    { class: "cells-bar", viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", role: "img", "aria-label": describeCounts(column) },
    parts.map(({ state, x, width }) => s("rect", { class: state, x, y: 0, width, height: 10 })),
  );
  const numbers = STATES.filter((state) => column[state] > 0).map((state) =>
    h("li", { class: `cell-state ${state}` }, `${count(column[state])} ${state}`, state === "pending" && column.asked > 0 ? h("small", {}, `${count(column.asked)} asked for`) : null),
  );
  return h("div", { class: "progress" }, bar, numbers.length ? h("ul", { class: "numbers", "aria-hidden": "true" }, numbers) : h("p", { class: "note" }, "No cells yet."));
}

/** What it does, in a word; null if only operators know. */
export function buildState(column) {
  const state = describeState(column);
  return state && h("span", { class: `status ${state.mark}` }, state.word);
}

/** Why it does nothing, and until when; null if it works. */
export function buildReason(column) {
  const { why, until, mark } = describeState(column) ?? {};
  if (!why) return null;
  return h("p", { class: mark === "failed" ? "problem" : "reason" }, showControls(why), until ? [" It goes on ", buildCountdown(until), "."] : null);
}

/** What was spent, against the caps. */
export function buildSpent(column) {
  if (column.spent_usd === undefined) return null;
  const { spent_today_usd: today, max_usd_per_day: perDay, spent_usd: spent, max_usd: most } = column;
  return h("p", { class: "spent" }, buildAmount("today", today, perDay), buildAmount("in all", spent, most));
}

function buildAmount(when, spent, cap) {
    const limit = Number(cap ?? 0);
  const meter = limit > 0 ? h("meter", { min: 0, max: limit, high: limit * 0.8, value: Number(spent ?? 0), "aria-label": `Spent ${when}` }) : null;
  return h("span", {}, `${money(spent ?? 0)}${cap === null || cap === undefined ? "" : ` of ${money(limit)}`} ${when}`, meter);
}
