import { readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const DIR = import.meta.dirname;
const tests = readdirSync(DIR).filter((name) => name.endsWith(".test.ts"));

// The tests as plain JavaScript, for node's own runner.
export default defineConfig({
  build: {
    ssr: true,
    outDir: join(DIR, "../target/test"),
    emptyOutDir: true,
    rolldownOptions: {
      input: Object.fromEntries(tests.map((name) => [name.replace(/\.ts$/, ""), join(DIR, name)])),
      output: { entryFileNames: "[name].js" },
    },
  },
  ssr: { noExternal: true },
});
