// Shared by every page: words, requests, live regions, relative times, copying, confirming.
(() => {
  const words = JSON.parse(document.getElementById("strings").textContent);
  const body = document.body;

  const say = (name, values = {}) =>
    (words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") node.className = value;
      else if (value !== null && value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  };
  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "ic");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `/static/vendor/icons.svg#${name}`);
    svg.append(use);
    return svg;
  };
  const request = async (url, options = {}) => {
    const headers = { "X-CSRFToken": body.dataset.csrf, ...(options.headers ?? {}) };
    const answer = await fetch(url, { credentials: "same-origin", ...options, headers });
    if (answer.status === 401 || (answer.redirected && answer.url.includes("/sign-in/"))) {
      location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`);
    }
    return answer;
  };
  const debounce = (wait, act) => {
    let timer = 0;
    return (...values) => {
      clearTimeout(timer);
      timer = setTimeout(() => act(...values), wait);
    };
  };

  // Relative times grow old in place.
  const ago = (moment) => {
    const s = (Date.now() - moment) / 1000;
    if (s < 10) return say("now");
    if (s < 60) return say("s_ago", { n: Math.floor(s) });
    if (s < 3600) return say("min_ago", { n: Math.floor(s / 60) });
    if (s < 86400) return say("h_ago", { n: Math.floor(s / 3600) });
    return null;
  };
  const growOld = () => {
    for (const node of document.querySelectorAll("time[data-ago]")) {
      const moment = Date.parse(node.dateTime);
      const text = moment <= Date.now() ? ago(moment) : null;
      if (text !== null && node.textContent !== text) node.textContent = text;
    }
  };
  setInterval(growOld, 5000);

  // Live regions: an element with data-live="NAME" is replaced by the element of the same name on
  // a fresh copy of this page. Everything else, and whatever the reader has open, stays.
  let refreshing = false;
  let again = false;
  const replaceRegions = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const node of document.querySelectorAll("[data-live]")) {
      if (node.contains(document.activeElement) && node.matches("[data-live-keep]")) continue;
      const next = fresh.querySelector(`[data-live="${CSS.escape(node.dataset.live)}"]`);
      if (!next || next.innerHTML === node.innerHTML) continue;
      const focused = node.contains(document.activeElement) ? document.activeElement.closest("tr[data-href]")?.dataset.href : null;
      node.innerHTML = next.innerHTML;
      if (focused) node.querySelector(`tr[data-href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      if (window.htmx) window.htmx.process(node);
      node.dispatchEvent(new CustomEvent("region", { bubbles: true }));
    }
    growOld();
  };
  const refresh = async () => {
    if (!document.querySelector("[data-live]")) return;
    if (refreshing) { again = true; return; }
    refreshing = true;
    try {
      const answer = await request(location.href, { headers: { "X-Live": "1" } });
      if (answer.ok && !answer.redirected) replaceRegions(await answer.text());
      offline(answer.status >= 500);
    } catch {
      offline(true);
    } finally {
      refreshing = false;
      if (again) { again = false; soon(); }
    }
  };
  const offline = (is) => {
    const box = document.getElementById("offline");
    if (!box) return;
    box.querySelector("div").textContent = say("offline");
    box.hidden = !is;
  };

  // At most one refresh per 900 ms, the first after 150 ms, none while nobody looks.
  let timer = 0;
  let last = 0;
  const soon = () => {
    if (timer || document.hidden) return;
    timer = setTimeout(() => { timer = 0; last = Date.now(); refresh(); }, Math.max(150, 900 - (Date.now() - last)));
  };

  // One event stream per tab. It says that something changed; pages read what they show.
  const listeners = new Set();
  let source = null;
  const connect = () => {
    if (!body.dataset.stream || source || !document.querySelector("[data-live], [data-charts], [data-log]")) return;
    source = new EventSource(body.dataset.stream);
    const hear = (event) => {
      let data = {};
      try { data = JSON.parse(event.data); } catch { data = {}; }
      for (const listener of listeners) listener(event.type, data);
      soon();
    };
    for (const type of (body.dataset.streamTypes || "message").split(" ")) source.addEventListener(type, hear);
    source.onopen = () => { offline(false); soon(); };
    source.onerror = () => { if (source?.readyState === EventSource.CLOSED) { disconnect(); setTimeout(connect, 5000); } };
  };
  const disconnect = () => { source?.close(); source = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else { connect(); soon(); }
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", () => { if (!document.hidden) connect(); });
  setInterval(() => { if (!document.hidden && body.dataset.stream && (!source || source.readyState !== 1)) soon(); }, 5000);

  // Small acts by attribute.
  document.addEventListener("click", async (event) => {
    const at = (selector) => event.target.closest(selector);
    const theme = at("[data-set-theme]");
    if (theme) { window.setTheme(theme.dataset.setTheme); theme.closest("details")?.removeAttribute("open"); }
    const copy = at("[data-copy]");
    if (copy) {
      const text = copy.dataset.copy || document.querySelector(copy.dataset.copyFrom)?.value || "";
      try { await navigator.clipboard.writeText(text); toast(say("copied")); } catch { toast(say("copy_failed")); }
    }
    const opener = at("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
    if (event.target instanceof HTMLDialogElement || at("[data-close]")) event.target.closest("dialog")?.close();
    for (const open of document.querySelectorAll("details.menu[open]")) if (!open.contains(event.target)) open.open = false;
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "get") for (const input of form.querySelectorAll("input, select")) if (input.value === "") input.disabled = true;
    if (form.matches("[data-once]")) setTimeout(() => { for (const b of form.querySelectorAll("button")) b.disabled = true; });
  });
  window.addEventListener("pageshow", () => { for (const i of document.querySelectorAll("form[method=get] :disabled, form[data-once] button:disabled")) i.disabled = false; });
  const toast = (text) => {
    const box = el("div", { class: "toast-line", role: "status" }, text);
    body.append(box);
    setTimeout(() => box.remove(), 1800);
  };

  window.gh = { say, el, icon, request, debounce, soon, refresh, toast, onEvent: (f) => { listeners.add(f); return () => listeners.delete(f); } };
  connect();
  growOld();
})();
