/* Shortcuts of the console: / the search, j and k the rows, g and a letter the sections, ? the list of them. Never while
   something is typed, and off for good where their switch says so (WCAG 2.1.4). Without this file nothing is missing. */
(function () {
  "use strict";
  var dialog = document.getElementById("keys"), opener = document.getElementById("keys-open");
  if (!dialog || !dialog.showModal || !opener) { return; }
  var toggle = document.getElementById("keys-on"), NAME = "sau-keys", gone = 0;

  function stored() {
    try { return window.localStorage.getItem(NAME) !== "off"; } catch (error) { return true; }
  }

  function keep() {
    try { window.localStorage.setItem(NAME, toggle.checked ? "on" : "off"); } catch (error) { /* for this page only */ }
  }

  function typing(target) {
    return target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
  }

  /* The first thing of each row that can have the focus. */
  function rows() {
    return Array.from(document.querySelectorAll(".long tbody tr, main .list > li")).map(function (row) {
      return row.querySelector("a[href], button");
    }).filter(Boolean);
  }

  function move(step) {
    var all = rows(), here = document.activeElement;
    var at = all.findIndex(function (each) { return each.closest("tr, li").contains(here); });
    var next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
    if (all[next]) { all[next].focus(); }
  }

  function search() {
    var field = document.querySelector("form[role=search] input:not([type=hidden]), form[role=search] select");
    if (field) { field.focus(); }
    return Boolean(field);
  }

  function go(letter) {
    var way = Array.from(document.querySelectorAll("[data-key]")).find(function (each) { return each.dataset.key === letter; });
    if (way) { window.location.assign(way.href); }
  }

  document.addEventListener("keydown", function (event) {
    if (!toggle.checked || dialog.open || event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey ||
        event.metaKey || typing(event.target) || document.querySelector("dialog[open]")) { return; }
    var after = Date.now() - gone < 2000;
    gone = 0;
    if (after) { go(event.key.toLowerCase()); return; }
    if (event.key === "/") { if (search()) { event.preventDefault(); } }
    else if (event.key === "j") { move(1); }
    else if (event.key === "k") { move(-1); }
    else if (event.key === "g") { gone = Date.now(); }
    else if (event.key === "?") { dialog.showModal(); }
  });
  opener.addEventListener("click", function () { dialog.showModal(); });
  toggle.addEventListener("change", keep);
  toggle.checked = stored();
  opener.hidden = false;
}());
