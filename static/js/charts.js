// Metric charts: loaded when seen, live, one palette, units on the axes, dark and light.
// <div class="chart" data-chart data-key data-unit>, inside <section data-charts data-url data-plotly>
(() => {
  const board = document.querySelector("[data-charts]");
  if (!board) return;
  const { say, el, request, debounce } = window.gh;
  const POINTS = 1200;
  const options = { log: false, smoothing: 0 };
  const shown = new Map();
  let library = null;

  const load = () => {
    library ??= new Promise((done, failed) => {
      // The library puts its rules into a style element of this id when it finds one.
      const sheet = el("style", { id: "plotly.js-style-global" });
      sheet.nonce = document.body.dataset.nonce;
      document.head.append(sheet);
      // It writes style attributes, which the page's policy refuses; the same by script is allowed.
      const plain = Element.prototype.setAttribute;
      Element.prototype.setAttribute = function setAttribute(name, value) {
        if (name === "style") this.style.cssText = value;
        else plain.call(this, name, value);
      };
      const script = el("script", { src: board.dataset.plotly });
      script.onload = () => done(window.Plotly);
      script.onerror = failed;
      document.head.append(script);
    });
    return library;
  };
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const smooth = (values, weight) => {
    if (!weight) return values;
    let last = 0;
    let norm = 0;
    return values.map((v) => { last = last * weight + (1 - weight) * v; norm = norm * weight + (1 - weight); return last / norm; });
  };
  const layout = (unit, title) => {
    const axis = { gridcolor: token("--line"), linecolor: token("--line"), zeroline: false, tickfont: { size: 11 }, automargin: true, fixedrange: false };
    return {
      margin: { l: 48, r: 10, t: 6, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { family: token("--font"), size: 11, color: token("--muted") }, hovermode: "x unified",
      hoverlabel: { bgcolor: token("--surface"), bordercolor: token("--line-strong"), font: { size: 12, color: token("--text"), family: token("--font") } },
      xaxis: { ...axis, title: { text: title, standoff: 6, font: { size: 11 } }, tickformat: "~s" },
      yaxis: { ...axis, title: { text: unit, standoff: 6, font: { size: 11 } }, type: options.log ? "log" : "linear", exponentformat: "power" },
      uirevision: "keep", dragmode: "zoom",
    };
  };
  const traces = (series, color) => {
    const line = { color, width: 1.6 };
    const hover = `%{y:.5~g}<extra>${say("step")} %{x}</extra>`;
    if (!options.smoothing) return [{ x: series.x, y: series.y, mode: series.x.length < 2 ? "markers" : "lines", line, hovertemplate: hover }];
    return [
      { x: series.x, y: series.y, mode: "lines", line: { ...line, width: 1 }, opacity: 0.28, hoverinfo: "skip" },
      { x: series.x, y: smooth(series.y, options.smoothing), mode: "lines", line, hovertemplate: hover },
    ];
  };
  const draw = async (node) => {
    const series = shown.get(node);
    if (!series) return;
    if (!series.x.length) { node.replaceChildren(el("div", { class: "chart-wait" }, say("no_points"))); return; }
    const Plotly = await load();
    node.querySelector(".chart-wait")?.remove();
    const color = token(`--s${(Number(node.dataset.color) % 8) + 1}`);
    await Plotly.react(node, traces(series, color), layout(node.dataset.unit, say("step")), { displayModeBar: false, responsive: true, doubleClick: "reset" });
    const head = node.parentElement.querySelector("[data-last]");
    if (head) head.textContent = Number(series.y.at(-1).toPrecision(4)).toString();
  };
  const read = async (nodes) => {
    if (!nodes.length) return;
    const query = new URLSearchParams({ points: POINTS });
    for (const node of nodes) query.append("key", node.dataset.key);
    try {
      const answer = await request(`${board.dataset.url}?${query}`);
      if (!answer.ok) throw new Error(answer.statusText);
      const { series } = await answer.json();
      for (const node of nodes) {
        shown.set(node, series[node.dataset.key] ?? { x: [], y: [] });
        await draw(node);
      }
    } catch {
      for (const node of nodes) if (!shown.has(node)) node.replaceChildren(el("div", { class: "chart-wait" }, say("failed_to_load")));
    }
  };

  let due = [];
  const readDue = debounce(40, () => { const now = due; due = []; read(now); });
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); due.push(entry.target); readDue(); }
  }, { rootMargin: "120px" });
  const scan = () => { for (const node of board.querySelectorAll("[data-chart]")) if (!shown.has(node) && !node.dataset.watched) { node.dataset.watched = "1"; watcher.observe(node); } };

  const redraw = () => { for (const node of shown.keys()) draw(node); };
  board.querySelector("[data-log-y]")?.addEventListener("click", (event) => {
    options.log = !options.log;
    event.currentTarget.setAttribute("aria-pressed", String(options.log));
    redraw();
  });
  board.querySelector("[data-smoothing]")?.addEventListener("input", (event) => { options.smoothing = Number(event.target.value); redraw(); });
  document.addEventListener("theme", redraw);
  // While the run is alive, read again what is on the screen, at most every two seconds.
  let last = 0;
  const again = debounce(300, () => {
    if (Date.now() - last < 2000) { again(); return; }
    last = Date.now();
    read([...shown.keys()].filter((n) => { const r = n.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight; }));
  });
  window.gh.onEvent((type, data) => { if (board.dataset.run === (data.uid ?? board.dataset.run)) again(); });
  document.addEventListener("region", (event) => { if (board.contains(event.target)) scan(); });
  scan();
})();
