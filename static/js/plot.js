// What every chart shares: the library, loaded once when a chart is seen; palette, axes, smoothing.
(() => {
  const { say, el } = window.gh;
  let library = null;

  const load = (source) => {
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
      const script = el("script", { src: source });
      script.onload = () => done(window.Plotly);
      script.onerror = failed;
      document.head.append(script);
    });
    return library;
  };
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const color = (place) => token(`--s${(place % 8) + 1}`);
  const smooth = (values, weight) => {
    if (!weight) return values;
    let last = 0;
    let norm = 0;
    return values.map((v) => { last = last * weight + (1 - weight) * v; norm = norm * weight + (1 - weight); return last / norm; });
  };
  const layout = (unit, title, log) => {
    const axis = { gridcolor: token("--line"), linecolor: token("--line"), zeroline: false, tickfont: { size: 11 }, automargin: true, fixedrange: false };
    return {
      margin: { l: 48, r: 10, t: 6, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { family: token("--font"), size: 11, color: token("--muted") }, hovermode: "x unified",
      hoverlabel: { bgcolor: token("--surface"), bordercolor: token("--line-strong"), font: { size: 12, color: token("--text"), family: token("--font") } },
      xaxis: { ...axis, title: { text: title, standoff: 6, font: { size: 11 } }, tickformat: "~s" },
      yaxis: { ...axis, title: { text: unit, standoff: 6, font: { size: 11 } }, type: log ? "log" : "linear", exponentformat: "power" },
      uirevision: "keep", dragmode: "zoom",
    };
  };
  const SETTINGS = { displayModeBar: false, responsive: true, doubleClick: "reset" };
  // Calls `act` once for each node when it comes near the screen.
  const whenSeen = (act) => {
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); act(entry.target); }
    }, { rootMargin: "120px" });
    return (node) => watcher.observe(node);
  };
  const wait = (node, word) => node.replaceChildren(...node.querySelectorAll("script"), el("div", { class: "chart-wait" }, say(word)));

  window.gh.plot = { load, token, color, smooth, layout, SETTINGS, whenSeen, wait };
})();
