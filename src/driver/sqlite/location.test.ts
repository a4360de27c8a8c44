/** Which URLs name which file, and that nothing is guessed. */

import { join } from "node:path";

import { expect, it } from "vitest";

import { parseLocation } from "./location.ts";

const parse = (url: string): ReturnType<typeof parseLocation> => parseLocation(new URL(url));

it.each([
  ["sqlite:celeriac.db", join(process.cwd(), "celeriac.db")],
  ["sqlite:./data/../queue.db", join(process.cwd(), "queue.db")],
  ["sqlite:///var/lib/my%20app/queue.db", "/var/lib/my app/queue.db"],
  ["sqlite:/var/lib/queue.db", "/var/lib/queue.db"],
])("%s is %s", (url, path) => {
  expect(parse(url)).toEqual({ path, durability: "power", embed: false, maxSize: 0, thread: true });
});

it("reads options", () => {
  expect(parse("sqlite:a.db?durability=process&embed&thread=false")).toMatchObject({
    durability: "process",
    embed: true,
    thread: false,
  });
  expect(parse("sqlite:a.db?durability=power&embed=false&thread=true")).toMatchObject({
    durability: "power",
    embed: false,
    thread: true,
  });
});

it.each([
  ["1mb", 1024 ** 2],
  ["1048576", 1024 ** 2],
  ["2048kb", 2 * 1024 ** 2],
  ["10GB", 10 * 1024 ** 3],
  ["1tb", 1024 ** 4],
])("reads a size of %s as %i bytes", (text, bytes) => {
  expect(parse(`sqlite:a.db?maxSize=${text}`).maxSize).toBe(bytes);
});

it.each([
  ["sqlite://celeriac.db", /host/],
  ["sqlite:", /no file/],
  ["sqlite:///", /no file/],
  ["sqlite:data/", /no file/],
  ["sqlite::memory:", /memory:/],
  ["sqlite:a.db#b", /fragment/],
  ["sqlite:a%00.db", /NUL/],
  ["sqlite:a%E0.db", /escape/],
  ["sqlite:a.db?durabillity=process", /"durabillity" is unknown/],
  ["sqlite:a.db?durability=fast", /durability=fast/],
  ["sqlite:a.db?thread=no", /thread=no/],
  ["sqlite:a.db?maxSize=", /maxSize= is no size/],
  ["sqlite:a.db?maxSize=10", /maxSize=10 is no size of at least 1mb/],
  ["sqlite:a.db?maxSize=10gib", /maxSize=10gib is no size/],
  ["sqlite:a.db?maxSize=-1gb", /maxSize=-1gb is no size/],
  ["sqlite:a.db?maxSize=9999999tb", /is no size/],
])("refuses %s", (url, reason) => {
  expect(() => parse(url)).toThrow(reason);
  expect(() => parse(url)).toThrow(expect.objectContaining({ code: "BROKER_URL_INVALID" }));
});
