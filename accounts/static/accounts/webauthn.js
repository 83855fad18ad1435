// Security keys: asks the server what to ask, asks the key, posts the answer with the page's own form.
"use strict";
(() => {
  const fromText = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const keyList = (keys) => (keys || []).map((key) => ({ ...key, id: fromText(key.id) }));

  function decoded(options) {
    const asked = { ...options, challenge: fromText(options.challenge) };
    if (options.user) asked.user = { ...options.user, id: fromText(options.user.id) };
    if (options.excludeCredentials) asked.excludeCredentials = keyList(options.excludeCredentials);
    if (options.allowCredentials) asked.allowCredentials = keyList(options.allowCredentials);
    return asked;
  }

  function encoded(credential) {
    const given = credential.response;
    const response = { clientDataJSON: toText(given.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (given[name]) response[name] = toText(given[name]);
    }
    if (given.getTransports) response.transports = given.getTransports();
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response,
    });
  }

  // Which of the page's sentences fits. A browser gives the same error for "cancelled" and "timed out".
  function sentence(error, elapsed, timeout) {
    if (error.name === "InvalidStateError") return "alreadyAdded";
    if (error.name === "SecurityError") return "wrongSite";
    if (error.name === "NotSupportedError" || error.name === "ConstraintError") return "notSupported";
    if (error.name === "TimeoutError" || elapsed >= timeout - 250) return "timedOut";
    return error.name === "NotAllowedError" || error.name === "AbortError" ? "cancelled" : "failed";
  }

  async function ask(form) {
    const body = new URLSearchParams({ purpose: form.dataset.purpose });
    if (form.elements.name) body.set("name", form.elements.name.value);
    const answer = await fetch(form.dataset.options, {
      method: "POST",
      body,
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (!answer.ok) throw new Error("no options");
    return answer.json();
  }

  async function use(form, status) {
    let began = performance.now();
    let timeout = Infinity;
    try {
      const options = await ask(form);
      began = performance.now();
      timeout = options.timeout;
      const request = { publicKey: decoded(options), signal: AbortSignal.timeout(timeout) };
      const create = form.dataset.purpose === "register";
      const credential = await (create ? navigator.credentials.create(request) : navigator.credentials.get(request));
      form.elements.credential.value = encoded(credential);
      form.submit();
    } catch (error) {
      status.textContent = form.dataset[sentence(error, performance.now() - began, timeout)];
      status.hidden = false;
      form.querySelector("button").disabled = false;
    }
  }

  for (const line of document.querySelectorAll("[data-without-script]")) line.hidden = true;
  for (const form of document.querySelectorAll("form[data-webauthn]")) {
    const status = form.querySelector("[role=status]");
    form.hidden = false;
    if (!window.PublicKeyCredential) {
      status.textContent = form.dataset.notSupported;
      status.hidden = false;
      form.querySelector("button").disabled = true;
      continue;
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      status.textContent = form.dataset.waiting;
      status.hidden = false;
      form.querySelector("button").disabled = true;
      use(form, status);
    });
  }
})();
