// The ticket page's one poller. Swaps every element marked data-live for fresh server HTML every four seconds, and
// says every thirty that the page is open, hearing who else has it. Both stop after ten minutes.
"use strict";
(() => {
  const EVERY = 4000;
  const UNTIL = Date.now() + 600000;
  const swap = (fresh) => {
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (now && now.innerHTML !== old.innerHTML && !old.contains(document.activeElement)) {
        old.innerHTML = now.innerHTML;
      }
    }
    return fresh.querySelector("[data-live]") !== null;
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
