// Fills the branch name into the commands of the status page, in this browser alone: the field has no name, stands in no
// form, and nothing here sends or stores what is typed.
"use strict";
(() => {
  const field = document.getElementById("branch");
  const said = document.getElementById("branch-said");
  const places = document.querySelectorAll("[data-branch]");
  const NAME = /^000-recovery-[a-z2-7]+$/;
  const fill = () => {
    const typed = field.value.trim().replace(/^refs\/heads\//, "");
    const right = NAME.test(typed);
    for (const place of places) place.textContent = right ? typed : "BRANCH";
    said.textContent = right || typed === "" ? "" : said.dataset.wrong;
  };
  field.closest("[data-branch-field]").hidden = false;
  field.addEventListener("input", fill);
  fill();
})();
