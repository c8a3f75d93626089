// What the fields of controls are called, in the dialogs that set them and in the log of actions. Pure.

const PACE = { paused: "Paused", max_running: "Running at once, at most", per_minute: "Started a minute, at most" };
const NAMES = {
  lane: PACE,
  owner: PACE,
  model: { action: "Control", scope: "Where", reason: "Reason" },
  policy: { policy: "Policy" },
  grant: { model: "Only these models", provider: "And all models of these providers", alias: "And what these aliases name", tool: "Only these tools", priority: "Highest priority that counts among all owners" },
  budget: { limit_usd: "Limit in dollars", allow_unpriced: "Allow models whose price is unknown", extra_usd: "Raised by, in dollars" },
  key: { name: "What it is for", scopes: "What it may do", owner: "For which user it acts", project: "Only for which project", expires_at: "Expires", revoked_at: "Revoked", key: "The key itself" },
  member: { role: "Role" },
  column: {
    id: "Id", table_id: "Table", column_name: "Column", type: "Type", key_names: "Key of the table", owner_name: "Column of the owner", version: "Version of its definition", overwrite: "Overwrites what people wrote",
    open_tasks: "Open tasks, at most", max_usd_per_row: "Dollars for a row, at most", paused_at: "Paused", paused_reason: "Why it is paused", project: "Project",
  },
  spending: { since: "Stopped", who: "By", reason: "Reason" },
  erasure: { owner_sha256: "Whose (SHA-256)", requested_by: "Asked for by" },
  instance: { hosts: "Hosts of the database" },
  task: { owner: "Owner", approval: "Question" },
};

/** Name a field of a control of a kind; one without words by its own name. */
export const nameField = (kind, field) => NAMES[kind]?.[field] ?? field;
