// A menu that folds out below its name, closes when one goes elsewhere, and is reached by the keyboard.

import { clip } from "/console/lib/json_view.js";
import { h, useEffect, useRef, useState } from "/console/vendor/preact.js";

const FEW = 10;

export function Menu({ label, count = 0, children, onOpen = () => {} }) {
  const root = useRef(null);
  useEffect(() => {
    const menu = root.current;
    const leave = ({ type, target }) => {
      if (!menu.open || menu.contains(target)) return;
      // A press on a word or on the padding moves the focus to what is around the menu, which does not
      // leave it. Chromium's tab crashes when the menu is closed in the middle of such a press.
      if (type === "focusin" && target.contains(menu)) return;
      menu.open = false;
    };
    const events = ["pointerdown", "focusin"];
    for (const each of events) document.addEventListener(each, leave);
    return () => events.forEach((each) => document.removeEventListener(each, leave));
  }, []);
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || !root.current.open) return;
    event.stopPropagation();
    event.preventDefault();
    root.current.open = false;
    root.current.querySelector("summary").focus();
  };
  return h(
    "details",
    { class: "menu", ref: root, onKeyDown, onToggle: () => root.current?.open && onOpen() },
    h("summary", {}, label, count ? h("span", { class: "count" }, ` ${count}`) : null),
    h("div", { class: "menu-body" }, children),
  );
}

/** Boxes for the values of a filter; others than those offered can be typed. */
export function Choices({ name, values, chosen, onChange, describe = (value) => value, isOpen = true }) {
  const [typed, setTyped] = useState("");
  const all = [...values, ...chosen.filter((each) => !values.includes(each))];
  const shown = typed ? all.filter((each) => describe(each).toLowerCase().includes(typed.toLowerCase())) : all;
  const toggle = (value) => onChange(chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value]);
  const add = (event) => {
    if (event.key !== "Enter" || !typed.trim()) return;
    event.preventDefault();
    if (!chosen.includes(typed.trim())) onChange([...chosen, typed.trim()]);
    setTyped("");
  };
  return h(
    "fieldset",
    {},
    h("legend", { class: "unseen" }, name),
    isOpen || all.length > FEW
      ? h("input", { type: "text", value: typed, "aria-label": `Find or type a ${name}`, placeholder: "Find, or type and press Enter", onInput: (event) => setTyped(event.target.value), onKeyDown: add })
      : null,
    h(
      "div",
      { class: "boxes" },
      shown.map((value) =>
        h("label", { class: "tick", key: value, title: value }, h("input", { type: "checkbox", checked: chosen.includes(value), onChange: () => toggle(value) }), h("span", {}, clip(describe(value), 60))),
      ),
    ),
    shown.length ? null : h("p", { class: "note" }, typed ? "Press Enter to filter by it." : "There are none."),
  );
}
