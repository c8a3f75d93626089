// How a swarm came to its result: the votes before and after, the dissent, the evidence, what a
// reviewer says, and what it has cost against one answer.

import { h } from "/console/lib/dom.js";
import { clip } from "/console/lib/json_view.js";

const MOST = 50;
const MOST_CHARACTERS = 2000;

/** Return whether a field of a result is shown here, or among those who say something. */
export function showsField(name, value) {
  if (name === "verdict" || name === "review") return isObject(value);
  if (name === "decided_by") return typeof value === "string";
  if (name === "parts") return listObjects(value).some((each) => "agent" in each);
  if (name === "votes") return listObjects(value).length > 0;
  return (name === "critique" || name === "responses") && Array.isArray(value);
}

/** Build the parts of a decision; null if the result has none. */
export function buildDecision(result) {
  if (!result) return null;
  const { votes, verdict, review, receipt, decided_by: judge } = result;
  const listed = listObjects(votes);
  const found = [
    isObject(verdict) ? buildVerdict(verdict, judge) : null,
    listed.length ? buildVotes(listed) : null,
    isObject(verdict) ? buildList("Dissent", verdict.dissent, listed.length ? "Nobody: all agree." : null) : null,
    isObject(verdict) ? buildList("Evidence", verdict.evidence) : null,
    isObject(review) ? buildReview(review) : null,
    Array.isArray(result.critique) ? buildList("Critique", result.critique) : null,
    listed.length && isObject(receipt) && receipt.sentence ? h("p", { class: "note" }, text(receipt.sentence)) : null,
  ].filter(Boolean);
  return found.length ? h("div", { class: "decision" }, found) : null;
}

function buildVerdict({ decision }, judge) {
  if (!decision) return null;
  return h("p", { class: "verdict" }, text(decision), judge ? h("small", {}, `decided by ${text(judge)}, which did not debate`) : null);
}

function buildVotes(votes) {
  return h(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": "Votes" },
    h(
      "table",
      { class: "votes" },
      h("thead", {}, h("tr", {}, ["Participant", "Model", "Before", "After"].map((each) => h("th", { scope: "col" }, each)))),
      h("tbody", {}, votes.map(buildVote)),
    ),
  );
}

function buildVote({ agent, model, before, after }) {
  const isChanged = isObject(before) && isObject(after) && before.verdict !== after.verdict;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, text(agent ?? "–")),
    h("td", {}, text(model ?? "–")),
    h("td", {}, describeVote(before)),
    h("td", { class: isChanged ? "changed" : null }, describeVote(after), isChanged ? h("small", {}, "changed its mind") : null),
  );
}

function describeVote(vote) {
  if (!isObject(vote)) return "–";
  const confidence = typeof vote.confidence === "number" ? ` (${vote.confidence} %)` : "";
  return `${text(vote.verdict ?? "–")}${confidence}`;
}

function buildReview({ model, agrees, problems }) {
  const who = model ? text(model) : "A reviewer";
  return h(
    "div",
    { class: agrees === false ? "review disagrees" : "review" },
    h("p", {}, agrees === false ? `${who} does not agree.` : `${who} agrees.`),
    buildList("Problems", problems),
  );
}

function buildList(title, items, empty = null) {
  const shown = (Array.isArray(items) ? items : []).slice(0, MOST).map((each) => text(isObject(each) ? JSON.stringify(each) : each));
  if (!shown.length && !empty) return null;
  return h("div", {}, h("h5", {}, title), shown.length ? h("ul", { class: "points" }, shown.map((each) => h("li", {}, each))) : h("p", { class: "note" }, empty));
}

const text = (value) => clip(String(value), MOST_CHARACTERS);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const listObjects = (value) => (Array.isArray(value) ? value : []).filter(isObject).slice(0, MOST);
