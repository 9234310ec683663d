// Metric charts: loaded when seen, live, one palette, units on the axes, dark and light.
// <div class="chart" data-chart data-unit> with a JSON block of its lines, inside <section data-charts data-url data-plotly>
(() => {
  const board = document.querySelector("[data-charts]");
  if (!board) return;
  const { say, request, debounce, plot } = window.gh;
  const POINTS = 1200;
  const options = { log: false, smoothing: 0 };
  const shown = new Map();

  const linesOf = new Map();
  const lines = (node) => {
    if (!linesOf.has(node)) linesOf.set(node, JSON.parse(node.querySelector("script").textContent));
    return linesOf.get(node);
  };
  const trace = (node, { key, label }, place) => {
    const series = shown.get(node)[key];
    if (!series?.x.length) return [];
    const line = { color: plot.color(place), width: 1.6 };
    const name = lines(node).length > 1 ? label.replaceAll("<", "&lt;") : `${say("step")} %{x}`;
    const hovertemplate = `%{y:.5~g}<extra>${name}</extra>`;
    const mode = series.x.length < 2 ? "markers" : "lines";
    const y = plot.smooth(series.y, options.smoothing);
    const main = { x: series.x, y, mode, line, hovertemplate };
    if (node.dataset.stacked !== undefined) return [{ ...main, stackgroup: "whole", line: { ...line, width: 0.8 } }];
    if (!options.smoothing) return [main];
    return [{ x: series.x, y: series.y, mode: "lines", line: { ...line, width: 1 }, opacity: 0.28, hoverinfo: "skip" }, main];
  };
  const draw = async (node) => {
    const traces = lines(node).flatMap((line, place) => trace(node, line, place));
    if (!traces.length) { plot.wait(node, "no_points"); return; }
    const Plotly = await plot.load(board.dataset.plotly);
    node.querySelector(".chart-wait")?.remove();
    await Plotly.react(node, traces, plot.layout(node.dataset.unit, say("step"), options.log), plot.SETTINGS);
    for (const head of node.parentElement.querySelectorAll("[data-last]")) {
      const last = shown.get(node)[head.dataset.last || lines(node)[0].key]?.y.at(-1);
      if (last !== undefined) head.textContent = Number(last.toPrecision(4)).toString();
    }
  };
  const read = async (nodes) => {
    // As many metrics as one request may ask for; a chart's lines come together.
    for (let some = nodes.splice(0, 8); some.length; some = nodes.splice(0, 8)) {
      const query = new URLSearchParams({ points: POINTS });
      for (const node of some) for (const { key } of lines(node)) query.append("key", key);
      try {
        const answer = await request(`${board.dataset.url}?${query}`);
        if (!answer.ok) throw new Error(answer.statusText);
        const { series } = await answer.json();
        for (const node of some) {
          shown.set(node, series);
          await draw(node);
        }
      } catch {
        for (const node of some) if (!shown.has(node)) plot.wait(node, "failed_to_load");
      }
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
