/** Next calls it once, when its server starts. With NEXT_MANUAL_SIG_HANDLE=true the signal is ours. */

export async function register(): Promise<void> {
  const { close } = await import("./lib/tasks.ts");
  process.once("SIGTERM", () => void close().finally(() => process.exit()));
}
