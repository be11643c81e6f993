/* Before a session that is not used ends, its person is asked whether he stays (WCAG 2.2.1). Without this file the page
   itself goes to one that asks the same. */
(function () {
  "use strict";
  var dialog = document.getElementById("staying");
  if (!dialog || !dialog.showModal || !window.fetch) { return; }
  var form = dialog.querySelector("form"), over = 0;

  function wait() {
    window.setTimeout(function () {
      dialog.showModal();
      over = window.setTimeout(function () { window.location.assign(dialog.dataset.over); }, dialog.dataset.left * 1000);
    }, dialog.dataset.after * 1000);
  }

  async function stay(event) {
    event.preventDefault();
    var body = new URLSearchParams(new FormData(form));
    body.set("quiet", "1");
    try {
      var answer = await fetch(form.action, { method: "POST", body: body, redirect: "error" });
      if (answer.status !== 204) { throw new Error("ended"); }
      window.clearTimeout(over);
      dialog.close();
      wait();
    } catch (error) { window.location.assign(dialog.dataset.over); }
  }

  form.addEventListener("submit", stay);
  dialog.addEventListener("cancel", stay);
  wait();
}());
