// Projects: what each spends, its caps, and its members, who see its tasks.

import { askForCap } from "/console/operate/caps.js";
import { useAsked, useChanges } from "/console/operate/dialog.js";
import { nameField } from "/console/operate/field_words.js";
import { Button, Meter, nameUser, Operate, plural, Reading, Table, useWindow } from "/console/operate/parts.js";
import { put, remove } from "/console/lib/api.js";
import { money } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;
const ROLES = { viewer: "reads its tasks", editor: "reads, changes and makes its tasks" };

export function Page({ query }) {
  const isOperator = getReader()?.is_operator ?? false;
  const read = useData("/projects", { every: EVERY_MS });
  const [dialog, ask] = useChanges(read.reload);
  const projects = read.data?.projects ?? [];
  const [shown, more] = useWindow(projects);
  const add = (project = "") => ask({
    title: project ? `Add a member to ${clip(project, 60)}` : "Add a member to a project",
    fields: [
      { name: "project", label: "Project", required: true, list: projects.map((each) => [each.name, undefined]), value: project },
      { name: "user", label: "User (UUID)", required: true, value: "" },
      { name: "role", label: nameField("member", "role"), type: "select", value: "viewer", options: Object.entries(ROLES).map(([role, does]) => [role, `${role}: ${does}`]) },
    ],
    say: ({ project: name, role }) => sayMember(projects.find((each) => each.name === name.trim()), name.trim(), role),
    confirm: "Add",
    run: (values) => put("/projects/members", { project: values.project.trim(), user_id: values.user.trim(), role: values.role, reason: values.reason }),
    done: () => "The member was added.",
  });
  const take = (project, member) => ask({
    title: `Remove ${nameUser(member.user_id)} from ${clip(project.name, 60)}`,
    say: () => ["The user sees only their own tasks of it within ten seconds.", project.members.length === 1 && "Nobody else is a member: every user may give tasks to this project again."],
    confirm: "Remove",
    isGrave: true,
    run: ({ reason }) => remove(buildAddress("/projects/members", { project: project.name, user_id: member.user_id, reason }).slice(1)),
    done: () => "The member was removed.",
  });
  const cap = (project, budget = null) => ask(askForCap({ budget, start: budget ? {} : { scope: "project", key: project }, budgets: projects.flatMap((each) => each.caps), known: { project: projects.map((each) => [each.name]) } }));
  useAsked(query, "cap", isOperator && read.data ? (name) => cap(name) : null);
  return h(
    Operate,
    { path: "/projects", title: "Projects" },
    h(Reading, { of: read, what: "the projects" }),
    read.data && !projects.length && h("p", { class: "note" }, isOperator ? "There are no projects: tasks name one in project." : "You are a member of no project."),
    isOperator && h("p", { class: "actions" }, h(Button, { label: "Add a member to a project", onClick: () => add() })),
    projects.length > 0 && h(Table, { caption: "List of projects", columns: ["Project", "Open tasks", "Spent this month", "Caps", "Members", ...(isOperator ? [""] : [])] }, shown.map((each) => h(
      "tr",
      { key: each.name },
      h("th", { scope: "row" }, h("a", { href: buildAddress("/tasks", { project: each.name }) }, clip(each.name, 100)), !each.can_edit && h("small", {}, "you only read")),
      h("td", { class: "figure" }, each.open_tasks),
      h("td", { class: "figure" }, money(each.spent_usd)),
      h("td", {}, each.caps.length ? each.caps.map((budget) => h(Cap, { key: budget.per, cap: budget, name: each.name, onChange: isOperator && (() => cap(each.name, budget)) })) : "none"),
      h("td", {}, each.members.length ? h("ul", { class: "lines" }, each.members.map((member) => h("li", { key: member.user_id, class: "buttons" }, h("span", { title: member.user_id }, `${nameUser(member.user_id)}, ${member.role}`), isOperator && h(Button, { label: "Remove", name: `Remove ${nameUser(member.user_id)} from ${clip(each.name, 60)}`, onClick: () => take(each, member) })))) : "none"),
      isOperator && h("td", { class: "buttons" }, h(Button, { label: "Set a cap", name: `Set a cap for ${clip(each.name, 60)}`, onClick: () => cap(each.name) }), h(Button, { label: "Add a member", name: `Add a member to ${clip(each.name, 60)}`, onClick: () => add(each.name) })),
    ))),
    more,
    dialog,
  );
}

function Cap({ cap, name, onChange }) {
  const taken = Number(cap.spent_usd) + Number(cap.reserved_usd);
  return h("div", { class: "busy" }, h(Meter, { value: taken, most: Number(cap.limit_usd) + Number(cap.extra_usd ?? 0), label: `Spent of the cap of ${clip(name, 60)} a ${cap.per}` }), h("span", { class: "figure" }, `${money(taken)} of ${money(cap.limit_usd)} a ${cap.per}`), onChange && h(Button, { label: "Change", name: `Change the cap of ${clip(name, 60)} a ${cap.per}`, onClick: onChange }));
}

function sayMember(project, name, role) {
  if (!name) return "";
  const first = !project?.members.length && "It has no member yet: from then on only its editors and operators may give it tasks.";
  const missing = !project && "No task of this project exists yet.";
  return [`The user ${ROLES[role]}${project ? `, ${plural(project.open_tasks, "open one", "open ones")} among them` : ""}.`, first, missing];
}
