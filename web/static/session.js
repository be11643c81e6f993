/* The page at check_session_iframe: OpenID Connect Session Management 1.0 section 3.2.
   A page of an application, around this one, sends "CLIENT_ID SESSION_STATE"; the answer is one word. */
(function () {
  "use strict";
  var name = document.documentElement.dataset.cookie;

  function browserState() {
    var found = document.cookie.split("; ").filter(function (part) { return part.indexOf(name + "=") === 0; });
    return found.length ? found[0].slice(name.length + 1) : null;
  }

  async function hexDigest(text) {
    var digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return Array.from(new Uint8Array(digest), function (octet) { return octet.toString(16).padStart(2, "0"); }).join("");
  }

  async function judge(message, origin) {
    var parts = typeof message === "string" ? message.split(" ") : [];
    var salt = parts.length === 2 ? parts[1].split(".")[1] : undefined;
    var state = browserState();
    /* Without our cookie nothing can be compared: the browser withholds it from frames. "changed" would have the
       application ask again and again. */
    if (!salt || state === null || !window.crypto || !crypto.subtle) { return "error"; }
    var expected = await hexDigest([parts[0], origin, state, salt].join(" ")) + "." + salt;
    return expected === parts[1] ? "unchanged" : "changed";
  }

  window.addEventListener("message", async function (event) {
    if (!event.source || event.source === window || !/^https?:/.test(event.origin)) { return; }
    var answer = await judge(event.data, event.origin);
    event.source.postMessage(answer, event.origin);
  });
}());
