// Curves of several runs over each other: one request per chart, made when the chart is seen.
(() => {
  const board = document.querySelector("[data-compare]");
  if (!board) return;
  const { say, request, plot } = window.gh;
  const runs = JSON.parse(document.getElementById("compared").textContent);
  // Eight colours, then the same with another dash: 32 runs look different, the hover names all.
  const DASHES = ["solid", "dash", "dot", "dashdot"];
  const SVG_DASHES = ["", "6 3", "2 2", "6 2 2 2"];
  const options = { log: false, smoothing: 0, over: "x" };
  const shown = new Map();

  const traces = (series) => runs.flatMap((run, place) => {
    const line = series[run.uid];
    if (!line) return [];
    return [{
      x: line[options.over], y: plot.smooth(line.y, options.smoothing), name: run.name,
      mode: line.x.length < 2 ? "markers" : "lines",
      line: { color: plot.color(place), width: 1.5, dash: DASHES[Math.floor(place / 8) % 4] },
      hovertemplate: `%{y:.5~g}<extra>${run.name.replaceAll("<", "&lt;")}</extra>`,
    }];
  });
  const draw = async (node) => {
    const series = shown.get(node);
    const lines = traces(series);
    if (!lines.length) { plot.wait(node, "no_points"); return; }
    const Plotly = await plot.load(board.dataset.plotly);
    node.querySelector(".chart-wait")?.remove();
    const title = say(options.over === "x" ? "step" : "seconds_since_first");
    const layout = plot.layout(node.dataset.unit, title, options.log);
    // One box with every run would cover the chart when there are many.
    layout.hovermode = lines.length > 8 ? "closest" : "x unified";
    await Plotly.react(node, lines, layout, plot.SETTINGS);
  };
  const read = async (node) => {
    try {
      const answer = await request(`${board.dataset.url}&key=${encodeURIComponent(node.dataset.key)}`);
      if (!answer.ok) throw new Error(answer.statusText);
      shown.set(node, (await answer.json()).series);
      await draw(node);
    } catch {
      plot.wait(node, "failed_to_load");
    }
  };
  const watch = plot.whenSeen(read);
  for (const node of board.querySelectorAll("[data-chart]")) watch(node);

  const redraw = () => { for (const node of shown.keys()) draw(node); };
  board.querySelector("[data-log-y]")?.addEventListener("click", (event) => {
    options.log = !options.log;
    event.currentTarget.setAttribute("aria-pressed", String(options.log));
    redraw();
  });
  board.querySelector("[data-smoothing]")?.addEventListener("input", (event) => { options.smoothing = Number(event.target.value); redraw(); });
  board.querySelector("[data-over]")?.addEventListener("change", (event) => { options.over = event.target.value; redraw(); });
  board.querySelector("[data-find-metric]")?.addEventListener("input", (event) => {
    const text = event.target.value.toLowerCase();
    for (const card of board.querySelectorAll("[data-metric]")) card.hidden = !card.dataset.metric.toLowerCase().includes(text);
  });
  document.addEventListener("theme", redraw);
  for (const line of document.querySelectorAll(".line-swatch line")) {
    line.setAttribute("stroke-dasharray", SVG_DASHES[Math.floor(Number(line.dataset.place) / 8) % 4]);
  }
})();
