import { workflowSuite } from "./workflow-suite.ts";

workflowSuite("memory", async () => ({ url: "memory:workflow-suite", close: async () => {} }));
