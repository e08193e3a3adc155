// From a folder (file:) browsers start no Worker, so the search of the site would not work there. This runs its script in
// a hidden frame instead, which has the parts of a Worker that the search uses: messages both ways, and importScripts.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      const load = (source) =>
        new Promise((resolve, reject) => {
          const script = inside.document.createElement("script");
          script.src = new URL(source, document.baseURI).href;
          script.onload = resolve;
          script.onerror = reject;
          inside.document.body.append(script);
        });
      const told = (target, data) => target.dispatchEvent(new MessageEvent("message", { data }));
      inside.importScripts = (...sources) => Promise.all(sources.map(load));
      inside.postMessage = (data) => {
        told(this, data);
        this.onmessage?.(new MessageEvent("message", { data }));
      };
      this.loaded = load(url);
      this.postMessage = (data) => this.loaded.then(() => told(inside, data));
      this.terminate = () => frame.remove();
    }
  };
}
