// Keyboard shortcuts of the desk: n, t, r, / and ?. One switch in the help turns them off (WCAG 2.1.4).
"use strict";
(() => {
  const NAME = "desk-shortcuts";
  const help = document.getElementById("shortcuts");
  const box = document.getElementById("shortcuts-on");
  const open = document.getElementById("shortcuts-open");
  if (!help || !box || !open) return;
  const on = () => window.localStorage.getItem(NAME) !== "off";
  const show = () => {
    if (!help.open) help.showModal();
  };
  open.hidden = false;
  open.addEventListener("click", show);
  box.checked = on();
  box.addEventListener("change", () => window.localStorage.setItem(NAME, box.checked ? "on" : "off"));
  const reach = (element) => {
    const folded = element.closest("details:not([open])");
    if (folded) folded.open = true;
    if (element.tagName === "BUTTON") element.click();
    else element.focus();
  };
  const form = document.getElementById("take-next-form");
  const takeNext = () => form?.requestSubmit();
  // A second press before the first is answered would take a second ticket.
  let taking = false;
  window.addEventListener("pageshow", () => (taking = false));
  document.addEventListener("submit", (event) => {
    if (!form || event.target.action !== form.action) return;
    if (taking) event.preventDefault();
    taking = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || help.open || !on()) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const target = ["t", "r", "/"].includes(event.key) && document.querySelector(`[data-key="${event.key}"]`);
    if (event.key === "?") show();
    else if (event.key === "n") takeNext();
    else if (target) reach(target);
    else return;
    event.preventDefault();
  });
})();
