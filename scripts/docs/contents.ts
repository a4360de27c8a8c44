/** The order of the site, by what a reader wants. A page of docs/ that is in no part of it fails the build. */

export interface Part {
  readonly title: string;
  /** Paths from the root of the repository; a folder takes all that is in it. */
  readonly pages: readonly string[];
}

const docs = (...names: readonly string[]): readonly string[] => names.map((name) => `docs/${name}.md`);

export const parts: readonly Part[] = [
  { title: "Start", pages: ["README.md", ...docs("start", "choosing")] },
  {
    title: "Learn",
    pages: docs("learn", "workflows", "schedules", "frameworks", "events", "remote-control", "interop"),
  },
  { title: "Recipes", pages: docs("recipes", "outbox") },
  { title: "Testing", pages: docs("testing") },
  {
    title: "Production",
    pages: docs("production", "deployment", "dashboard", "logs", "tracing", "scaling", "security"),
  },
  {
    title: "Coming from",
    pages: docs(
      "coming-from-celery",
      "coming-from-bullmq",
      "coming-from-arq",
      "coming-from-agenda",
      "coming-from-fastapi",
    ),
  },
  { title: "Reference", pages: docs("cli", "brokers", "errors", "glossary") },
  {
    title: "Behind it",
    pages: [...docs("guarantees", "architecture", "performance", "chaos"), "docs/decisions/", "CHANGELOG.md"],
  },
];

/** Where a page of the repository lies on the site. */
export function addressOf(path: string): string {
  if (path === "README.md") return "index.html";
  return path
    .replace(/^docs\//, "")
    .replace(/\.md$/, ".html")
    .replaceAll("/", "-")
    .toLowerCase();
}
