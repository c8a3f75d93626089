// How a swarm came to its result: the votes before and after, the dissent, the evidence, what a
// reviewer says, and what it has cost against one answer.

import { clip } from "/console/lib/json_view.js";
import { Table } from "/console/operate/parts.js";
import { h } from "/console/vendor/preact.js";

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

/** Return what of a result says how it was decided, whatever its fields hold; null if nothing does. */
export function readDecision(result) {
  if (!result) return null;
  const { votes, verdict, review, receipt, decided_by: judge, critique } = result;
  const listed = listObjects(votes);
  const found = {
    decision: isObject(verdict) && verdict.decision ? text(verdict.decision) : null,
    judge: judge ? text(judge) : null,
    votes: listed.map(readVote),
    dissent: isObject(verdict) ? listTexts(verdict.dissent) : null,
    evidence: isObject(verdict) ? listTexts(verdict.evidence) : [],
    review: isObject(review) ? { who: review.model ? text(review.model) : "A reviewer", agrees: review.agrees !== false, problems: listTexts(review.problems) } : null,
    critique: Array.isArray(critique) ? listTexts(critique) : [],
    receipt: listed.length && isObject(receipt) && receipt.sentence ? text(receipt.sentence) : null,
  };
  const isSaid = found.decision || found.votes.length || found.dissent?.length || found.evidence.length || found.review || found.critique.length;
  return isSaid ? found : null;
}

function readVote({ agent, model, before, after }) {
  const isChanged = isObject(before) && isObject(after) && before.verdict !== after.verdict;
  return { agent: text(agent ?? "–"), model: text(model ?? "–"), before: describeVote(before), after: describeVote(after), isChanged };
}

function describeVote(vote) {
  if (!isObject(vote)) return "–";
  const confidence = typeof vote.confidence === "number" ? ` (${vote.confidence} %)` : "";
  return `${text(vote.verdict ?? "–")}${confidence}`;
}

export function Decision({ decision: { decision, judge, votes, dissent, evidence, review, critique, receipt } }) {
  return h(
    "div",
    { class: "decision", id: "decision" },
    decision && h("p", { class: "verdict" }, decision, judge && h("small", {}, `decided by ${judge}, which did not debate`)),
    votes.length > 0 && h(Votes, { votes }),
    dissent && (dissent.length > 0 || votes.length > 0) && h(Points, { title: "Dissent", items: dissent, empty: "Nobody: all agree." }),
    evidence.length > 0 && h(Points, { title: "Evidence", items: evidence }),
    review && h(
      "div",
      { class: review.agrees ? "review" : "review disagrees" },
      h("p", {}, review.agrees ? `${review.who} agrees.` : `${review.who} does not agree.`),
      review.problems.length > 0 && h(Points, { title: "Problems", items: review.problems }),
    ),
    critique.length > 0 && h(Points, { title: "Critique", items: critique }),
    receipt && h("p", { class: "note" }, receipt),
  );
}

function Votes({ votes }) {
  return h(Table, { caption: "Votes", class: "votes", columns: ["Participant", "Model", "Before", "After"] }, votes.map((each, number) => h(
    "tr",
    { key: number },
    h("th", { scope: "row" }, each.agent),
    h("td", {}, each.model),
    h("td", {}, each.before),
    h("td", { class: each.isChanged ? "changed" : null }, each.after, each.isChanged && h("small", {}, "changed its mind")),
  )));
}

function Points({ title, items, empty = null }) {
  return h("div", {}, h("h5", {}, title), items.length ? h("ul", { class: "points" }, items.map((each, number) => h("li", { key: number }, each))) : h("p", { class: "note" }, empty));
}

const listTexts = (items) => (Array.isArray(items) ? items : []).slice(0, MOST).map((each) => text(isObject(each) ? JSON.stringify(each) : each));
const text = (value) => clip(String(value), MOST_CHARACTERS);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const listObjects = (value) => (Array.isArray(value) ? value : []).filter(isObject).slice(0, MOST);
