/**
 * Where a command starts that belongs to `celeriac dev`: the same command line, in a group of its own, so that Ctrl-C reaches it once and
 * not twice; and it ends with the one that started it, even if that is killed.
 */

process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
await import("./main.ts");
