import { defineConfig } from "vite";

// The built page is committed, so the output must not depend on the machine that builds it.
export default defineConfig({
  build: {
    outDir: "dist",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
