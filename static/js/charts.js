// Metric charts: loaded when seen, live, one palette, units on the axes, dark and light.
// <div class="chart" data-chart data-key data-unit>, inside <section data-charts data-url data-plotly>
(() => {
  const board = document.querySelector("[data-charts]");
  if (!board) return;
  const { say, request, debounce, plot } = window.gh;
  const POINTS = 1200;
  const options = { log: false, smoothing: 0 };
  const shown = new Map();

  const traces = (series, color) => {
    const line = { color, width: 1.6 };
    const hover = `%{y:.5~g}<extra>${say("step")} %{x}</extra>`;
    if (!options.smoothing) return [{ x: series.x, y: series.y, mode: series.x.length < 2 ? "markers" : "lines", line, hovertemplate: hover }];
    return [
      { x: series.x, y: series.y, mode: "lines", line: { ...line, width: 1 }, opacity: 0.28, hoverinfo: "skip" },
      { x: series.x, y: plot.smooth(series.y, options.smoothing), mode: "lines", line, hovertemplate: hover },
    ];
  };
  const draw = async (node) => {
    const series = shown.get(node);
    if (!series) return;
    if (!series.x.length) { plot.wait(node, "no_points"); return; }
    const Plotly = await plot.load(board.dataset.plotly);
    node.querySelector(".chart-wait")?.remove();
    const color = plot.color(Number(node.dataset.color));
    await Plotly.react(node, traces(series, color), plot.layout(node.dataset.unit, say("step"), options.log), plot.SETTINGS);
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
      for (const node of nodes) if (!shown.has(node)) plot.wait(node, "failed_to_load");
    }
  };

  let due = [];
  const readDue = debounce(40, () => { const now = due; due = []; read(now); });
  const watch = plot.whenSeen((node) => { due.push(node); readDue(); });
  const scan = () => { for (const node of board.querySelectorAll("[data-chart]")) if (!shown.has(node) && !node.dataset.watched) { node.dataset.watched = "1"; watch(node); } };

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
