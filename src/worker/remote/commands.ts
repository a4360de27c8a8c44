/** All commands of remote control, by Celery's names. None runs code that it is sent. */

import type { Command } from "./command.ts";
import { taskCommands } from "./inspect-tasks.ts";
import { workerCommands } from "./inspect-worker.ts";
import { limitCommands } from "./limit-commands.ts";
import { poolCommands } from "./pool-commands.ts";
import { revokeCommands } from "./revoke-commands.ts";

export const commandsByName: ReadonlyMap<string, Command> = new Map(
  [...taskCommands, ...workerCommands, ...revokeCommands, ...limitCommands, ...poolCommands].flatMap((command) =>
    [command.name, ...(command.alias === undefined ? [] : [command.alias])].map((name) => [name, command] as const),
  ),
);
