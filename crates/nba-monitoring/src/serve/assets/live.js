// Fetches the page again when the server says that there was a new look, and puts its main part in place.
// Without this script, or without EventSource, the page is as good, and reloads by hand.
"use strict";
(function () {
  const live = document.getElementById("live");
  const say = (text) => { if (live && live.textContent !== text) live.textContent = text; };
  let running = false;
  async function refresh() {
    if (running) return;
    running = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("main");
      const main = document.querySelector("main");
      const open = new Set([...main.querySelectorAll("details[open]")].map((part) => part.id));
      const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      main.innerHTML = next.innerHTML;
      for (const id of open) { const part = document.getElementById(id); if (part) part.open = true; }
      if (focused) { const same = main.querySelector(`a[href="${CSS.escape(focused)}"]`); if (same) same.focus({ preventScroll: true }); }
      document.title = page.title;
      main.classList.remove("fresh");
      void main.offsetWidth;
      main.classList.add("fresh");
    } catch (error) {
      say("not updating: " + error.message);
    } finally {
      running = false;
    }
  }
  if (!window.EventSource) { setInterval(refresh, 60000); return; }
  const stream = new EventSource("/stream");
  stream.addEventListener("tick", (event) => { say("live, look " + event.data); refresh(); });
  stream.addEventListener("open", () => say("live"));
  stream.addEventListener("error", () => say("not connected, trying again"));
})();
