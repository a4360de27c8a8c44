import type { NextConfig } from "next";

const config: NextConfig = {
  // It loads its driver by URL, and threads and children by file: a bundler follows neither.
  serverExternalPackages: ["celeriac"],
};

export default config;
