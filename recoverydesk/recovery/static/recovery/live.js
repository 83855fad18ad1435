// The one poller of the ticket page and the status page. Swaps every element marked data-live for fresh server HTML
// every four seconds (one with data-step only when its step changes, as people type into it), and says every thirty
// that the ticket page is open, hearing who else has it. Both stop after ten minutes.
"use strict";
(() => {
  const EVERY = 4000;
  const UNTIL = Date.now() + 600000;
  const OPEN = "details[id][open]";
  const folded = (element) => {
    const copy = element.cloneNode(true);
    for (const fold of copy.querySelectorAll(OPEN)) fold.open = false;
    return copy.innerHTML;
  };
  const differs = (old, now) =>
    old.dataset.step === undefined ? now.innerHTML !== folded(old) : now.dataset.step !== old.dataset.step;
  // Whether to look again: the page is live, or somebody is still at work in what has changed.
  const swap = (fresh) => {
    let later = false;
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (!now || !differs(old, now)) continue;
      if (old.contains(document.activeElement)) {
        later = true;
        continue;
      }
      const open = [...old.querySelectorAll(OPEN)].map((fold) => fold.id); // what was unfolded stays so
      old.innerHTML = now.innerHTML;
      for (const id of open) old.querySelector(`details[id="${id}"]`)?.setAttribute("open", "");
      if (old.dataset.step !== undefined) old.dataset.step = now.dataset.step || "";
    }
    return later || fresh.querySelector("[data-live]") !== null;
  };
  const look = async () => {
    let again = true;
    if (!document.hidden) {
      try {
        const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
        again = answer.ok && swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        again = true; // the network is away for a moment: look again
      }
    }
    if (again && Date.now() < UNTIL) window.setTimeout(look, EVERY);
  };
  const presence = document.getElementById("presence");
  const said = document.getElementById("presence-said");
  const sayHere = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(presence.action, { method: "POST", body: new FormData(presence) });
        const text = answer.ok ? (await answer.text()).trim() : "";
        if (answer.ok && text !== said.innerHTML.trim()) said.innerHTML = text;
      } catch {
        // the network is away for a moment: say it again later
      }
    }
    if (Date.now() < UNTIL) window.setTimeout(sayHere, Number(presence.dataset.every) * 1000);
  };
  if (document.querySelector("[data-live]")) window.setTimeout(look, EVERY);
  if (presence) sayHere();
})();
