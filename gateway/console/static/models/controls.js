// The operators' controls of models: pin, ban, drain and allow; the selection policy; and what has changed lately.

import { useChanges } from "/console/operate/dialog.js";
import { nameField } from "/console/operate/field_words.js";
import { sayPause } from "/console/operate/queue_words.js";
import { Button, NOBODY, nameOwner, plural, Table, When } from "/console/operate/parts.js";
import { buildScope, describeScope, nameControl, POLICY_NAMES, sayControl, sayPolicy } from "/console/models/words.js";
import { post, put } from "/console/lib/api.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { h, useEffect } from "/console/vendor/preact.js";

const ACTIONS = [["ban", "Ban: use it no more"], ["drain", "Drain: give it no new work"], ["pin", "Pin: prefer it to all others"], ["allow", "Allow: undo what was set"]];
const PAUSE = ["pause", "Pause its lane: begin nothing until it is resumed"];
const SCOPES = [["everywhere", "everywhere"], ["owner", "tasks of an owner"], ["task_type", "tasks of a type"]];

/** `asked` is the model of which the control was asked for in the table. */
export function ModelControls({ models, operations, reload, asked, onAsked }) {
  const [dialog, ask] = useChanges(reload);
  const queue = useData("/queue", { every: 10_000 });
  const { controls } = operations;
  const count = (subject) => {
    const lanes = new Set(models.filter((each) => each.id === subject || each.provider === subject).map((each) => each.id));
    const rows = (queue.data?.lanes ?? []).filter((row) => lanes.has(row.lane));
    const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
    return { queued: sum("queued"), running: sum("running") };
  };
  const isLane = (subject) => models.some((each) => each.id === subject);
  const control = (subjects) => ask({
    title: `Control ${clip(subjects[0], 80)}`,
    fields: [
      { name: "subject", label: "What", type: "select", value: subjects[0], options: subjects.map((each, place) => [each, `${place ? "all of the provider " : ""}${clip(each, 80)}`]) },
      { name: "action", label: "Do", type: "select", required: true, value: "", options: ({ subject }) => [["", "Choose one"], ...(isLane(subject) ? [PAUSE] : []), ...ACTIONS] },
      { name: "scope", label: nameField("model", "scope"), type: "select", value: "everywhere", options: SCOPES, when: ({ action }) => action !== PAUSE[0] },
      { name: "value", label: "Which owner (UUID) or type (such as code-generation)", value: "", when: ({ action, scope }) => action !== PAUSE[0] && scope !== "everywhere" },
    ],
    say: (values) => (values.action === PAUSE[0] ? sayPause(count(values.subject)) : sayControl(values, count(values.subject), controls)),
    confirm: "Do it",
    run: (values) => {
      if (values.action === PAUSE[0]) {
        if (!isLane(values.subject)) throw new Error("A provider has no lane: ban or drain it, or pause its models.");
        return post(`/lanes/${encodeURIComponent(values.subject)}/pause`, { reason: values.reason });
      }
      const scope = buildScope(values);
      if (scope === null) throw new Error("Say which owner or which type of task.");
      return post("/models/control", { action: values.action, subject: values.subject, scope, reason: values.reason });
    },
    done: (_answer, { action, subject }) => (action === PAUSE[0] ? `${subject} is paused; resume it under Operate, Queue.` : `${subject} is ${nameControl(action)}.`),
  });
  const undo = (row) => ask({
    title: `Allow ${clip(row.subject, 80)}`,
    say: () => sayControl({ action: "allow", subject: row.subject, scope: row.scope === "everywhere" ? row.scope : row.scope.split(":")[0], value: row.scope.split(/:(.*)/s)[1] }, { queued: 0, running: 0 }, controls),
    confirm: "Allow it",
    run: ({ reason }) => post("/models/control", { action: "allow", subject: row.subject, scope: row.scope, reason }),
    done: () => `${row.subject} is allowed.`,
  });
  useEffect(() => {
    if (!asked) return;
    control([asked.id, asked.provider]);
    onAsked();
  }, [asked]);
  return [
    h("h3", {}, "Controls in force"),
    h("p", { class: "note" }, "Lanes are paused and resumed on the page of ", h("a", { href: "#/queue" }, "the queue"), "."),
    !controls.length && h("p", { class: "note" }, "None: every model may be chosen."),
    controls.length > 0 && h(Table, { caption: "Controls in force", columns: ["What", "Is", "Where", "Since", "By", "Reason", ""] }, controls.map((row) => h(
      "tr",
      { key: `${row.scope} ${row.subject}` },
      h("th", { scope: "row" }, clip(row.subject, 120)),
      h("td", {}, h("span", { class: `tag ${row.action === "pin" ? "good" : "bad"}` }, nameControl(row.action))),
      h("td", {}, describeScope(row.scope)),
      h("td", {}, h(When, { at: row.set_at })),
      h("td", {}, clip(row.who, 60)),
      h("td", { class: "words" }, clip(row.reason || "–", 500)),
      h("td", { class: "buttons" }, h(Button, { label: "Allow", name: `Allow ${row.subject} ${describeScope(row.scope)}`, onClick: () => undo(row) })),
    ))),
    h(Policies, { operations, ask }),
    h(Switches, { switches: operations.switches }),
    dialog,
  ];
}

function Policies({ operations, ask }) {
  const { policies, default_policy: byDefault } = operations;
  const deployment = policies[NOBODY] ?? null;
  const owners = Object.entries(policies).filter(([owner]) => owner !== NOBODY);
  const change = (owner, now) => ask({
    title: owner === null ? "Change the selection policy" : "Set the policy of an owner",
    fields: [
      ...(owner === null ? [] : [{ name: "owner", label: "Owner (UUID)", value: owner, required: true }]),
      { name: "policy", label: nameField("policy", "policy"), type: "select", value: now ?? "", options: [["", `the default (${byDefault})`], ...POLICY_NAMES.map((name) => [name, name])] },
    ],
    say: ({ policy }) => [`Models are chosen ${sayPolicy(policy || (owner === null ? byDefault : (deployment ?? byDefault)))}.`, "It holds for choices from now on, within two seconds; tasks that name a policy or a model keep theirs."],
    confirm: "Set it",
    run: (values) => put("/models/policy", { policy: values.policy || null, owner: values.owner || null, reason: values.reason }),
    done: (_answer, { policy }) => `The policy is ${policy || "the default"}.`,
  });
  return h(
    "section",
    { class: "part", "aria-label": "Selection policy" },
    h("h3", {}, "Selection policy"),
    h("p", {}, `Everyone: ${deployment ?? byDefault}${deployment ? "" : " (the default)"}, ${sayPolicy(deployment ?? byDefault)}. `),
    owners.length > 0 && h("ul", { class: "lines" }, owners.map(([owner, name]) => h("li", { key: owner }, `${nameOwner(owner)}: ${name} `, h(Button, { label: "Change", name: `Change the policy of ${nameOwner(owner)}`, onClick: () => change(owner, name) })))),
    h("p", { class: "actions" }, h(Button, { label: "Change the policy", onClick: () => change(null, deployment) }), h(Button, { label: "Set one for an owner", onClick: () => change("", null) })),
  );
}

function Switches({ switches }) {
  if (!switches.length) return null;
  return h(
    "details",
    {},
    h("summary", {}, `What changed lately (${plural(switches.length, "change")})`),
    h("ol", { class: "lines" }, switches.map((each) => h("li", { key: `${each.at} ${each.subject}` }, h(When, { at: each.at }), ` ${clip(each.subject, 100)}: ${clip(each.was ?? "–", 40)} → ${clip(each.became, 40)}${each.scope === "everywhere" ? "" : ` ${describeScope(each.scope)}`}. ${clip(each.reason, 300)} (${clip(each.who, 60)})`))),
  );
}
