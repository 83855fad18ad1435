// Copy, download and print what a page shows once. Without JavaScript the text can be selected as it is.
"use strict";
(() => {
  const text = (button) =>
    Array.from(document.querySelectorAll(button.dataset.what), (one) => one.dataset.plain || one.textContent.trim()).join("\n");

  function download(button) {
    const link = document.createElement("a");
    link.href = "data:text/plain;charset=utf-8," + encodeURIComponent(`${button.dataset.title}\n\n${text(button)}\n`);
    link.download = button.dataset.name;
    link.click();
  }

  async function copy(button) {
    const said = document.getElementById(button.dataset.says);
    try {
      await navigator.clipboard.writeText(text(button));
      said.textContent = button.dataset.done;
    } catch {
      said.textContent = button.dataset.failed;
    }
  }

  const actions = { copy, download, print: () => window.print() };
  for (const button of document.querySelectorAll("button[data-action]")) {
    button.hidden = false;
    button.addEventListener("click", () => actions[button.dataset.action](button));
  }
})();
