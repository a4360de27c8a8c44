import { expect, it } from "vitest";

import { settingsOf } from "./worker-settings.ts";

it("takes no maxResultBytes over what is read of a stored result", () => {
  const most = 64 * 1024 * 1024;
  expect(settingsOf({}, "celery").maxResultBytes).toBe(8 * 1024 * 1024);
  expect(settingsOf({ maxResultBytes: most }, "celery").maxResultBytes).toBe(most);
  for (const maxResultBytes of [most + 1, Infinity, Number.NaN, 0, 1.5])
    expect(() => settingsOf({ maxResultBytes }, "celery")).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining("maxResultBytes") }),
    );
});
