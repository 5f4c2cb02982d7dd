// What the pages of the leaderboard with data share. A page from disk may fetch nothing, so that data come as scripts
// that hand over one packed text each; they are named by this page and by nothing that stands in them.
const board = (() => {
  const { make, unpack } = introbench;
  const waiting = new Map();

  const load = (name) => {
    if (!waiting.has(name)) {
      const found = {};
      found.promise = new Promise((resolve, reject) => { found.resolve = resolve; found.reject = reject; });
      waiting.set(name, found);
      const path = name.split("/").map(encodeURIComponent).join("/");
      const script = make("script", { src: "data/" + path + ".js?" + document.documentElement.dataset.made });
      script.addEventListener("error", () => found.reject(new Error("data/" + name + ".js cannot be loaded")));
      document.head.append(script);
    }
    return waiting.get(name).promise.then(unpack);
  };
  const take = (name, packed) => { if (waiting.has(name)) waiting.get(name).resolve(packed); };

  // ---- numbers, as the report writes them
  const DECIMALS = 3;
  const number = (value) => {
    if (value === null || value === undefined) return "–";
    const shown = Math.abs(value).toFixed(DECIMALS).replace(/^0/, "");
    return value < 0 && /[1-9]/.test(shown) ? "−" + shown : shown;
  };
  const signed = (value) => {
    const shown = number(value);
    return value > 0 && /[1-9]/.test(shown) ? "+" + shown : shown;
  };
  const interval = ([, low, high]) =>
    low === null ? "" : "[" + number(low) + ",\u00a0" + number(high) + "]";
  const size = (count) => {
    if (count === null) return "–";
    for (const [unit, letter] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (count >= unit) return String(Number((count / unit).toPrecision(3))) + letter;
    }
    return String(count);
  };

  // ---- state in the address, behind "#": pages from disk have nothing else, and servers never see it
  const readState = () => new URLSearchParams(location.hash.slice(1));
  const writeState = (pairs) => {
    const kept = new URLSearchParams(pairs.filter(([, value]) => value !== "" && value !== null));
    const address = "#" + kept.toString();
    if (address !== (location.hash || "#")) history.replaceState(null, "", address);
  };

  return { load, take, number, signed, interval, size, readState, writeState };
})();
