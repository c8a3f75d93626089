// Files that come with a task, shown beside its prompt.

import { clip } from "/console/lib/json_view.js";
import { h } from "/console/vendor/preact.js";

const IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,/;

/** The files of a task. Images of other hosts are not loaded: they would learn who looks. */
export function Files({ attachments }) {
  const files = (Array.isArray(attachments) ? attachments : []).slice(0, 20);
  if (!files.length) return null;
  const read = (each, name) => (typeof each?.[name] === "string" ? each[name] : undefined);
  return h("ul", { class: "files", "aria-label": "Attached files" }, files.map((each) => h(File, { url: typeof each === "string" ? each : read(each, "url"), name: read(each, "name"), type: read(each, "type") })));
}

/** The line of a file, with a thumbnail if the page holds the image itself. */
function File({ url = "", name, type }) {
  const isData = url.startsWith("data:");
  const title = clip(name || (isData ? describeType(url, type) : url || "unreadable"), 80);
  return h(
    "li",
    { title: isData ? title : clip(url, 300) },
    IMAGE.test(url) ? h("img", { src: url, alt: "", width: 40, height: 40 }) : h("span", { class: "kind", "aria-hidden": "true" }, describeKind(url, name, type)),
    h("span", { class: "title" }, title),
  );
}

/** Return the ending of a name, or the end of the type, in at most four letters. */
function describeKind(url, name, type) {
  return (/\.(\w{1,4})$/.exec(name ?? "")?.[1] ?? describeType(url, type).split("/").at(-1).replace("plain", "text")).slice(0, 4);
}

function describeType(url, type) {
  return type || /^data:([\w.+-]+\/[\w.+-]+)/.exec(url)?.[1] || /\.(\w{1,4})$/.exec(url)?.[1] || "file";
}
