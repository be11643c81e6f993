/* Passkeys: Web Authentication Level 3. A form with data-passkey asks the browser's authenticators ("get") or has one
   make a key ("create"), puts the answer as JSON into its field "code" and goes on. Without this file, or without
   authenticators, forms stay as they are. */
(function () {
  "use strict";
  var api = window.PublicKeyCredential;
  if (!api || !navigator.credentials || !window.fetch || !window.AbortController) { return; }
  var waiting = null;

  function octets(text) {
    var raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (letter) { return letter.charCodeAt(0); });
  }

  function text(buffer) {
    var raw = Array.from(new Uint8Array(buffer), function (octet) { return String.fromCharCode(octet); }).join("");
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function opened(options) {
    options.challenge = octets(options.challenge);
    if (options.user) { options.user.id = octets(options.user.id); }
    ["allowCredentials", "excludeCredentials"].forEach(function (list) {
      (options[list] || []).forEach(function (known) { known.id = octets(known.id); });
    });
    return options;
  }

  function closed(credential) {
    var said = credential.response, answer = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (part) {
      if (said[part]) { answer[part] = text(said[part]); }
    });
    if (said.getTransports) { answer.transports = said.getTransports(); }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: answer });
  }

  function note(form, words) {
    var place = document.getElementById(form.dataset.passkeyNote);
    if (place) { place.textContent = words || ""; place.hidden = !words; }
  }

  async function options(form) {
    if (form.dataset.passkeyOptions) { return opened(JSON.parse(form.dataset.passkeyOptions)); }
    var token = form.querySelector("[name=csrf_token]").value;
    var answer = await fetch(form.dataset.passkeyFrom, {
      method: "POST", headers: { "Accept": "application/json", "X-CSRFToken": token }
    });
    if (!answer.ok) { throw new Error("no options"); }
    return opened(await answer.json());
  }

  async function run(form, mediation) {
    if (waiting) { waiting.abort(); }
    var mine = waiting = new AbortController();
    try {
      var asked = { publicKey: await options(form), signal: mine.signal };
      if (mine.signal.aborted) { return; }
      if (mediation) { asked.mediation = mediation; }
      var create = form.dataset.passkey === "create";
      var found = await (create ? navigator.credentials.create(asked) : navigator.credentials.get(asked));
      form.elements.code.value = closed(found);
      HTMLFormElement.prototype.submit.call(form); /* a button is called submit */
    } catch (error) {
      if (mediation || mine.signal.aborted) { return; }
      if (error.name === "InvalidStateError") { note(form, form.dataset.known); return; }
      note(form, error.name === "NotAllowedError" ? form.dataset.cancelled : form.dataset.failed);
    }
  }

  /* The field of the name offers passkeys too; their challenge is renewed before it is too old. */
  async function offer(form, times) {
    if (!api.isConditionalMediationAvailable || !await api.isConditionalMediationAvailable()) { return; }
    run(form, "conditional");
    if (times > 0) {
      window.setTimeout(function () {
        if (!form.dataset.asked) { offer(form, times - 1); }
      }, 240000);
    }
  }

  document.querySelectorAll("[data-passkey-less]").forEach(function (part) { part.hidden = true; });
  document.querySelectorAll("[data-passkey-only]").forEach(function (part) { part.hidden = false; });
  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      form.dataset.asked = "yes";
      note(form, "");
      run(form, null);
    });
    if (form.dataset.passkeyFrom) { offer(form, 6); }
  });
  document.querySelectorAll("[data-passkey-signal]").forEach(function (part) {
    var signal = api[part.dataset.passkeySignal];
    if (signal) { signal.call(api, JSON.parse(part.dataset.told)).catch(function () {}); }
  });
}());
