/**
 * Nest's own packages, loaded when this entry point is. By `require`, which takes both of their kinds of module and leaves this one without
 * a top-level `await`, so that an application compiled to CommonJS can load it; and one that is missing is named with what installs it.
 */

import { createRequire } from "node:module";
import { CeleriacError } from "../error/celeriac-error.ts";

const load = createRequire(import.meta.url);

/** Throws CLIENT_MISSING. */
export function peer(name: string): unknown {
  try {
    return load(name) as unknown;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code !== "MODULE_NOT_FOUND" && code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new CeleriacError(
      "CLIENT_MISSING",
      `celeriac/nest needs the package "${name}", which is not installed: npm install @nestjs/common @nestjs/core @nestjs/platform-express`,
      { cause: error, details: { package: name } },
    );
  }
}

export const common: typeof import("@nestjs/common") = peer("@nestjs/common") as typeof import("@nestjs/common");
export const core: typeof import("@nestjs/core") = peer("@nestjs/core") as typeof import("@nestjs/core");
