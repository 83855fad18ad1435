// The queue's one box that chooses every ticket of the page; without this script it is not there.
"use strict";
(() => {
  const all = document.getElementById("choose-all");
  const boxes = [...document.querySelectorAll("#queue-form input[name=ticket]")];
  if (!all || boxes.length === 0) return;
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  show();
})();
