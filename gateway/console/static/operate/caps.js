// The question before a cap is set or changed, on the pages of limits and of projects.

import { capFields, nameCap, readCap, sayCap } from "/console/operate/limit_words.js";
import { put } from "/console/lib/api.js";
import { money } from "/console/lib/format.js";

/** Return what `ask` of `useChanges` takes: to change `budget`, or to set a cap for the `scope` and `key` of `start`. `budgets` are the caps that there are. */
export function askForCap({ budget = null, start = {}, budgets, known }) {
  const read = (values) => readCap({ ...values, ...start }, budget);
  return {
    title: budget ? `Change the cap of ${nameCap(budget)}` : start.key ? `Set a cap for ${nameCap(start)}` : "Set a cap",
    fields: capFields(budget, known, start),
    say: (values) => sayCap(read(values), budgets, known),
    confirm: budget ? "Change it" : "Set it",
    run: (values) => put("/budgets", read(values)),
    done: (_answer, values) => `The cap of ${nameCap(read(values))} is ${money(values.limit)}.`,
  };
}
