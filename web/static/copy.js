/* A button that copies the text beside it. Without this file there is no button, and the text is there to be selected. */
(function () {
  "use strict";
  if (!navigator.clipboard) { return; }
  document.querySelectorAll("button[data-copy]").forEach(function (button) {
    var said = button.querySelector("span") || button, before = said.textContent;
    button.hidden = false;
    button.addEventListener("click", async function () {
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        said.textContent = button.dataset.done;
        window.setTimeout(function () { said.textContent = before; }, 2500);
      } catch (error) { button.hidden = true; }
    });
  });
}());
