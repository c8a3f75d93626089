// API keys, and the grants of owners: which models and tools they may use, and whose priorities count.

import { Grants } from "/console/operate/grants.js";
import { useAsked, useChanges } from "/console/operate/dialog.js";
import { expiryOf, keyFields, SCOPES, sayKey } from "/console/operate/key_words.js";
import { useKnown } from "/console/operate/known.js";
import { ago, Button, nameOwner, Operate, Reading, Table, useWindow } from "/console/operate/parts.js";
import { post, remove } from "/console/lib/api.js";
import { moment, zonedMoment } from "/console/lib/format.js";
import { useData } from "/console/lib/hooks.js";
import { clip } from "/console/lib/json_view.js";
import { getReader } from "/console/lib/reader.js";
import { buildAddress } from "/console/lib/route.js";
import { now } from "/console/lib/server_clock.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const EVERY_MS = 10_000;

export function Page({ query }) {
  const read = useData("/keys", { every: EVERY_MS });
  const [created, setCreated] = useState(null);
  const known = useKnown();
  const [dialog, ask] = useChanges(read.reload);
  const keys = read.data?.keys ?? [];
  const [shown, more] = useWindow(keys);
  const create = () => ask({
    title: "Create a key",
    fields: keyFields(known, now()),
    say: (values) => sayKey(values, now(), known.project),
    confirm: "Create it",
    run: async (values) => {
      const answer = await post("/keys", { name: values.name, scopes: values.scopes, owner: values.owner.trim() || null, project: values.project.trim() || null, expires_at: expiryOf(values.lasts, now(), values.until), reason: values.reason });
      setCreated(answer);
      return answer;
    },
    done: () => "The key was created.",
  });
  useAsked(query, "do", read.data ? create : null);
  useAsked(query, "revoke", read.data ? (id) => ask(askToRevoke(keys.find((each) => each.id === id) ?? { id, name: id, last_used_at: null })) : null);
  return h(
    Operate,
    { path: "/keys", title: "Keys and grants" },
    h("h3", {}, "API keys"),
    created && keys.find(({ id }) => id === created.stored.id)?.usable !== false && h(CreatedKey, { created, onClose: () => setCreated(null) }),
    h(Reading, { of: read, what: "the keys" }),
    h("p", { class: "actions" }, h(Button, { label: "Create a key", onClick: create })),
    read.data && !keys.length && h("p", { class: "note" }, "There are no keys."),
    keys.length > 0 && h(Table, { caption: "List of keys", columns: ["Name", "State", "May", "Acts for", "Last used", "Expires", ""] }, shown.map((each) => h(KeyRow, { key: each.id, each, ask, onCreated: setCreated }))),
    more,
    h(Grants),
    dialog,
  );
}

/** Whether a key is the one with which this page reads. */
const isOwn = ({ id }) => getReader()?.name === id;
const sayUse = ({ last_used_at: at }) => (at ? `It was last used ${ago(at)}.` : "It was never used.");

function askToRevoke(key) {
  const name = clip(key.name, 100);
  return {
    title: `Revoke ${name}`,
    say: () => [`Within ten seconds, requests with this key are refused for good, and its open streams end. ${sayUse(key)}`, isOwn(key) && "It is the key of this session: this page is refused, too, and asks for another key."],
    confirm: "Revoke it",
    isGrave: true,
    run: ({ reason }) => remove(buildAddress(`/keys/${encodeURIComponent(key.id)}`, { reason }).slice(1)),
    done: () => `The key “${name}” is revoked.`,
  };
}

function KeyRow({ each, ask, onCreated }) {
  const state = each.usable ? "usable" : each.revoked_at ? "revoked" : "expired";
  const name = clip(each.name, 100);
  const revoke = () => ask(askToRevoke(each));
  const rotate = () => ask({
    title: `Replace ${name}`,
    fields: [{ name: "grace", label: "The old one is valid for", type: "select", value: "3600", options: [["0", "no longer"], ["600", "10 minutes more"], ["3600", "one hour more"], ["86400", "one day more"]] }],
    say: ({ grace }) => [`A new key gets the same name, rights, owner and lifetime. ${grace === "0" ? "The old one is refused within ten seconds." : "Until then both are accepted."} ${sayUse(each)}`, isOwn(each) && "It is the key of this session: when it ends, this page asks for a key. Store the new one."],
    confirm: "Replace it",
    run: async ({ grace, reason }) => onCreated(await post(`/keys/${encodeURIComponent(each.id)}/rotate`, { grace_seconds: Number(grace), reason })),
    done: () => `The key “${name}” is replaced.`,
  });
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, name, isOwn(each) && [" ", h("span", { class: "tag good" }, "this session")], h("small", {}, clip(each.id, 60))),
    h("td", {}, h("span", { class: `status ${each.usable ? "alive" : "failed"}` }, state)),
    h("td", {}, h("span", { class: "tags" }, each.scopes.map((scope) => h("span", { class: `tag ${scope === "admin" ? "wait" : ""}`, title: SCOPES[scope] }, clip(scope, 40))))),
    h("td", {}, nameOwner(each.owner), each.project && h("small", {}, `project ${clip(each.project, 60)}`)),
    h("td", {}, each.last_used_at ? h("time", { datetime: each.last_used_at, title: moment(each.last_used_at) }, ago(each.last_used_at)) : "never"),
    h("td", {}, each.expires_at ? h("time", { datetime: each.expires_at }, zonedMoment(each.expires_at)) : "never"),
    h("td", { class: "buttons" }, each.usable && h(Button, { label: "Replace", name: `Replace the key ${name}`, onClick: rotate }), each.usable && h(Button, { label: "Revoke", name: `Revoke the key ${name}`, onClick: revoke })),
  );
}

/** A key that was just created: it is shown once. */
function CreatedKey({ created, onClose }) {
  const field = useRef(null);
  const [said, setSaid] = useState("");
  useEffect(() => field.current.select(), [created]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(created.key);
      setSaid("Copied.");
    } catch {
      setSaid("This browser does not copy it: select it.");
    }
  };
  return h(
    "section",
    { class: "created", "aria-label": "The new key" },
    h("label", {}, `The key “${clip(created.stored.name, 100)}”. Store it now: it cannot be shown again.`, h("input", { ref: field, type: "text", readonly: true, value: created.key, onFocus: (event) => event.currentTarget.select() })),
    h("p", { class: "actions" }, h(Button, { label: "Copy it", onClick: copy }), h(Button, { label: "I have stored it", onClick: onClose }), h("span", { class: "note", role: "status" }, said)),
  );
}
