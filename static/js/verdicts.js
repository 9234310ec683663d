// Rates of verdicts over time with their intervals, and the slider of the operating point.
(() => {
  const { el, plot, say } = window.gh;
  const board = document.querySelector("[data-verdicts]");
  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  if (board) {
    const series = JSON.parse(document.getElementById("verdict-series").textContent);
    const seen = new Set();
    let base = "all";
    const draw = async (node) => {
      const line = series[`${base}/${node.dataset.rate}`];
      if (!line?.x.length) { plot.wait(node, "no_points"); return; }
      const Plotly = await plot.load(board.dataset.plotly);
      node.querySelector(".chart-wait")?.remove();
      const trace = {
        x: line.x, y: line.y, mode: "lines+markers", line: { color: plot.color(0), width: 1.6 },
        error_y: {
          type: "data", symmetric: false, color: plot.token("--faint"), thickness: 1, width: 3,
          array: line.y.map((v, i) => line.high[i] - v), arrayminus: line.y.map((v, i) => v - line.low[i]),
        },
        text: line.run.map((name, i) => `${name.replaceAll("<", "&lt;")}<br>${percent(line.low[i])} – ${percent(line.high[i])}, n=${line.n[i]}`),
        hovertemplate: "%{y:.1%}<br>%{text}<extra></extra>",
      };
      const layout = plot.layout("", "", false);
      layout.xaxis = { ...layout.xaxis, type: "date", tickformat: "%m-%d %H:%M", nticks: 4 };
      layout.yaxis = { ...layout.yaxis, tickformat: ".0%", rangemode: "tozero" };
      layout.hovermode = "closest";
      await Plotly.react(node, [trace], layout, plot.SETTINGS);
    };
    const watch = plot.whenSeen((node) => { seen.add(node); draw(node); });
    for (const node of board.querySelectorAll("[data-rate]")) watch(node);
    for (const button of board.querySelectorAll("[data-base]")) {
      button.addEventListener("click", () => {
        base = button.dataset.base;
        for (const other of board.querySelectorAll("[data-base]")) other.setAttribute("aria-pressed", String(other === button));
        for (const node of seen) draw(node);
      });
    }
    document.addEventListener("theme", () => { for (const node of seen) draw(node); });
  }

  const desk = document.querySelector("[data-operating]");
  if (!desk) return;
  const curve = JSON.parse(document.getElementById("operating-curve").textContent);
  const range = desk.querySelector("[data-place]");
  const seconds = desk.querySelector("[data-seconds]");
  const measured = desk.querySelector("[data-measured]");
  const put = (name, ...parts) => { desk.querySelector(`[data-op="${name}"]`).replaceChildren(...parts); };
  const share = ({ value, n, interval }) => [
    value === null ? "–" : percent(value), " ", el("small", {}, `n=${n}`),
    el("div", { class: "interval" }, interval ? interval.map(percent).join(" – ") : ""),
  ];
  const show = () => {
    const point = curve[Number(range.value)];
    desk.querySelector("[data-threshold]").value = String(point.threshold);
    const strength = point.threshold > 1 ? say("no_vote") : percent(point.threshold);
    put("threshold", strength);
    range.setAttribute("aria-valuetext", strength);
    put("false_release", ...share(point.false_release));
    put("false_block", ...share(point.false_block));
    put("automatic", point.automatic.toLocaleString("en-US"));
    put("review", point.review.toLocaleString("en-US"));
    put("hours", ((point.review * Number(seconds.value || 0)) / 3600).toFixed(2));
  };
  range.addEventListener("input", show);
  seconds.addEventListener("input", () => {
    if (measured) measured.checked = false;
    show();
  });
  measured?.addEventListener("change", () => {
    if (measured.checked) seconds.value = Number(measured.dataset.measured).toFixed(1);
    show();
  });
})();
