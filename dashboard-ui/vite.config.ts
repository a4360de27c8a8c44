/** How the web app is built: relative URLs, because the server decides under which prefix it lives; nothing inline, because the page's policy forbids it. */

import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** A running `celeriac dashboard` that `vite dev` asks for data. */
const server = process.env["CELERIAC_DASHBOARD"] ?? "http://127.0.0.1:5555";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [react(), tailwind()],
  build: {
    outDir: "../dist/dashboard/ui",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
