/** Next calls it once, when its server starts. With NEXT_MANUAL_SIG_HANDLE=true the signal is ours. */

export async function register(): Promise<void> {
  // It is compiled for the edge as well, where there are neither tasks nor signals.
  if (process.env.NEXT_RUNTIME === "nodejs") {
    const { pieces } = await import("./lib/tasks.ts");
    process.once("SIGTERM", () => void pieces.close().finally(() => process.exit()));
  }
}
