// What the modules of the page take from a browser.
const storage = new Map<string, string>();
Object.assign(globalThis, {
  localStorage: {
    getItem: (name: string) => storage.get(name) ?? null,
    setItem: (name: string, value: string) => storage.set(name, value),
    removeItem: (name: string) => storage.delete(name),
  },
});
Object.defineProperty(globalThis, "navigator", { value: { language: "en-GB" }, configurable: true });
